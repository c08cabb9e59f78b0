// Follows one run to its end, over as many connections as it takes.
import { eventsOf } from "./events.js";

const WAITS = [500, 1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000, 8000]; // milliseconds
const OVER = ["success", "error", "interrupted", "timeout"];
const wait = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

// `open(signal)` begins the stream; without one the run `runId` is joined from its first event.
// onEvent hears each event once, onRun(id) which run it is, onLost(isLost) of the connection.
export const follow = async ({ api, threadId, runId, open, onEvent, onRun, onLost, signal }) => {
  let run = runId, after = "-1", begin = open, tries = 0;
  for (;;) {
    try {
      const answer = await (begin ?? join)(signal);
      begin = null;
      run ??= runOf(answer);
      onRun(run);
      onLost(false);
      for await (const event of eventsOf(answer.body)) {
        tries = 0;
        if (event.id) after = event.id;
        if (event.event === "end") return;
        onEvent(event);
        if (event.event === "error") return;
      }
      if (OVER.includes((await api.run(threadId, run)).status)) return;
    } catch (error) {
      if (signal.aborted) return;
      if (begin || !isOfConnection(error) || tries >= WAITS.length) throw error;
      onLost(true);
      await wait(WAITS[tries]);
      tries += 1;
    }
  }

  async function join(stop) {
    return api.join(threadId, run, after, stop);
  }
};

const runOf = (answer) => /\/runs\/([^/]+)/.exec(answer.headers.get("Content-Location"))?.[1];

// A cut stream is a TypeError of the browser's; a server that starts again answers 5xx for a while.
const isOfConnection = (error) =>
  error instanceof TypeError || error.kind === "offline" || error.kind === "broken";
