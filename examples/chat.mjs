// A chat in the terminal, with the stock SignalR client:
//
//   npm install --prefix examples && node examples/chat.mjs http://localhost:8080
//
// A message after the address is asked at once, and the program ends with the answer. The model is
// taken from the variable MODEL, a token from TOKEN. Ctrl-C cancels an answer; a second one leaves.

import readline from "node:readline/promises";
import { HubConnectionBuilder, LogLevel } from "@microsoft/signalr";

const address = (process.argv[2] ?? "http://localhost:8080").replace(/\/$/, "");
const question = process.argv.slice(3).join(" ");
const model = process.env.MODEL || undefined;

const connection = new HubConnectionBuilder()
  .withUrl(`${address}/llmhub`, { accessTokenFactory: () => process.env.TOKEN ?? "" })
  .withAutomaticReconnect()
  .configureLogging(LogLevel.Warning)
  .build();

let conversationId;
let running; // the run whose answer is being shown: {runId, seq}

// Says that a list of conversations would have to be shown anew. We show none.
connection.on("ConversationChanged", () => {});

/** Errors carry one JSON object: {code, message, ...}. */
function explain(error) {
  const text = String(error?.message ?? error);
  const start = text.indexOf("{");
  try {
    const { code, message } = JSON.parse(text.slice(start));
    return `${message} (${code})`;
  } catch {
    return text;
  }
}

function show(event) {
  running = { runId: event.runId, seq: event.seq };
  conversationId = event.conversationId;
  switch (event.type) {
    case "text.delta":
      process.stdout.write(event.text);
      break;
    case "snapshot":
      process.stdout.write(`\n${event.text}`);
      break;
    case "tool.call":
      process.stdout.write(`[looks up ${event.name}]\n`);
      break;
    case "status":
      process.stdout.write(`[${event.phase} ${event.provider}]\n`);
      break;
    case "run.error":
      process.stdout.write(`\n[${event.message} (${event.code})]`);
      break;
    case "run.finished":
      process.stdout.write(event.finishReason === "stop" ? "\n" : `\n[${event.finishReason}]\n`);
      running = undefined;
      break;
  }
}

const follow = (stream) =>
  new Promise((resolve, reject) =>
    stream.subscribe({ next: show, complete: resolve, error: reject }),
  );

async function ask(content) {
  running = undefined;
  try {
    await follow(connection.stream("StreamMessage", { conversationId, content, model }));
  } catch (error) {
    // The answer goes on without us: pick it up where the connection was lost.
    if (!running) throw error;
    await resume();
  }
}

async function resume() {
  while (connection.state !== "Connected") {
    if (connection.state === "Disconnected") throw new Error("the connection is lost");
    await new Promise((wait) => setTimeout(wait, 200));
  }
  await follow(connection.stream("ResumeRun", { runId: running.runId, afterSeq: running.seq }));
}

function cancelOrLeave() {
  if (running) {
    connection.invoke("CancelRun", { runId: running.runId }).catch(() => process.exit(1));
  } else {
    process.exit(0);
  }
}

process.on("SIGINT", cancelOrLeave);

try {
  await connection.start();
} catch (error) {
  console.error(`No chat at ${address}: ${explain(error)}`);
  process.exit(1);
}

if (question) {
  await ask(question).catch((error) => {
    console.error(explain(error));
    process.exitCode = 1;
  });
} else {
  const terminal = readline.createInterface({ input: process.stdin, output: process.stdout });
  terminal.on("SIGINT", cancelOrLeave);
  console.log(`Connected to ${address}. Say "help" to see what the assistant knows.`);
  terminal.setPrompt("> ");
  terminal.prompt();
  for await (const line of terminal) {
    if (line.trim()) await ask(line).catch((error) => console.error(explain(error)));
    terminal.prompt();
  }
}
await connection.stop();
