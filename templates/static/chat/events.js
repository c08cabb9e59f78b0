// The events of a stream as they arrive: {event, data, id}. A silent line is taken for a cut one.

const SILENCE = 20000; // milliseconds; the server says something every five seconds

export async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await heard(reader);
      if (done) return;
      rest = (rest + value).replace(/\r\n/g, "\n");
      const frames = rest.split("\n\n");
      rest = frames.pop();
      for (const frame of frames) {
        const event = read(frame);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

const heard = async (reader) => {
  let timer;
  const silent = new Promise((_, refuse) => {
    timer = setTimeout(() => refuse(new TypeError("silent")), SILENCE);
  });
  try {
    return await Promise.race([reader.read(), silent]);
  } finally {
    clearTimeout(timer);
  }
};

const read = (frame) => {
  const event = { event: "message", data: "", id: "" };
  for (const line of frame.split("\n")) {
    const [, name, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (name === "data") event.data += event.data ? `\n${value}` : value;
    else if (name) event[name] = value;
  }
  return event.data ? { ...event, data: JSON.parse(event.data) } : null;
};
