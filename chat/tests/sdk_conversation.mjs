// A scripted conversation by the JavaScript client, as it is published. Prints what it saw as JSON.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [home, apiUrl, apiKey] = process.argv.slice(2);
const { resolve } = createRequire(`${home}/package.json`);
const { Client } = await import(pathToFileURL(resolve("@langchain/langgraph-sdk")));
const client = new Client({ apiUrl, apiKey });
const modes = ["values", "messages-tuple", "updates", "custom"];
const human = (content) => ({ input: { messages: [{ type: "human", content }] } });

async function play(thread, payload, more = {}) {
  const events = [];
  const sent = { streamMode: modes, streamResumable: true, ...payload, ...more };
  for await (const event of client.runs.stream(thread, "selftest", sent)) events.push(event);
  return events;
}
const last = (events, name) => events.filter((each) => each.event === name).at(-1)?.data;
const said = (events) => events.filter((each) => each.event === "messages")
  .map((each) => each.data[0]).filter((each) => each.type === "AIMessageChunk")
  .map((each) => each.content).join("");
const seen = {};

const { thread_id: thread } = await client.threads.create();
const echo = await play(thread, human("echo one two three"));
seen.echo = said(echo);
seen.kinds = [...new Set(echo.map((each) => each.event))].sort();
seen.tool = last(await play(thread, human("tool")), "values").messages.map((each) => each.type);

seen.asked = last(await play(thread, human("approve")), "values").__interrupt__[0].value
  .action_requests[0].args.note;
const resume = (...decisions) => ({ input: {}, command: { resume: { decisions } } });
await play(thread, resume({ type: "edit", edited_action: { name: "push_to_crm", args: { note: "hot" } } }));
seen.edited = (await client.threads.getState(thread)).values.messages.at(-2).content;
await play(thread, human("approve2"));
await play(thread, resume({ type: "approve" }, { type: "reject", message: "not now" }));
seen.two = (await client.threads.getState(thread)).values.messages.slice(-3, -1)
  .map((each) => each.content);

const history = await client.threads.getHistory(thread, { limit: 100 });
seen.root = history.at(-1).values.messages.length;
seen.next = history.every((each) => each.next.length === 0);
const branch = await play(thread, human("echo a branch"),
  { checkpoint: history.at(-1).checkpoint });
seen.branch = last(branch, "values").messages.length;

const slow = await client.runs.create(thread, "selftest", { ...human("slow 400"), streamMode: modes });
for await (const event of client.runs.joinStream(thread, slow.run_id, { lastEventId: "-1" })) {
  if (event.event === "messages") break;
}
await client.runs.cancel(thread, slow.run_id, true);
seen.cancelled = (await client.runs.get(thread, slow.run_id)).status;

const joined = [];
const short = await client.runs.create(thread, "selftest", { ...human("slow 5"), streamMode: modes });
for await (const event of client.runs.joinStream(thread, short.run_id, { lastEventId: "-1" })) {
  joined.push(event);
}
const half = joined[Math.floor(joined.length / 2)];
const rest = [];
for await (const event of client.runs.joinStream(thread, short.run_id, { lastEventId: half.id })) {
  rest.push(event);
}
seen.rejoined = JSON.stringify(rest) === JSON.stringify(joined.slice(joined.indexOf(half) + 1));
seen.waited = (await client.runs.wait(thread, "selftest", human("echo waited"))).messages.at(-1).content;
const failed = await play(thread, human("boom"));
seen.failed = last(failed, "error").message;
seen.found = (await client.threads.search({ metadata: { graph_id: "selftest" }, limit: 100 }))
  .some((each) => each.thread_id === thread);
seen.assistants = (await client.assistants.search()).map((each) => each.graph_id).sort();

const many = Array.from({ length: 20 }, async (_, number) => {
  const { thread_id } = await client.threads.create();
  return said(await play(thread_id, human(`echo number ${number}`))) === `number ${number}`;
});
seen.many = (await Promise.all(many)).filter(Boolean).length;
await client.threads.delete(thread);
seen.gone = await client.threads.get(thread).then(() => 200, (error) => error.status);
console.log(JSON.stringify(seen));
