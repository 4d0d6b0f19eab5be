/** A run as the page follows it: every event in its order, and whether one is missing. */
import type { ActiveRun, ChatEvent, FinishReason, RunError } from '../generated/hubs';

export interface ToolUse {
  callId: string;
  name: string;
  arguments: unknown;
  result: { ok: boolean; content: string } | null;
}

export interface LiveRun {
  runId: string;
  messageId: string;
  lastSeq: number;
  text: string;
  reasoning: string;
  tools: ToolUse[];
  model?: string;
  /** What it is doing while it says nothing. */
  status: string | null;
  error: RunError | null;
  finished: FinishReason | null;
}

export const begin = (runId: string, messageId: string): LiveRun => ({
  runId, messageId, lastSeq: 0, text: '', reasoning: '', tools: [], status: 'waiting', error: null, finished: null,
});

export const pickUp = ({ runId, messageId, text, reasoning, lastSeq }: ActiveRun): LiveRun => ({
  ...begin(runId, messageId), text, reasoning, lastSeq, status: null,
});

export function apply(run: LiveRun, event: ChatEvent): 'applied' | 'old' | 'missed' {
  // A snapshot stands for everything up to its number.
  if (event.type !== 'snapshot') {
    if (event.seq <= run.lastSeq) return 'old';
    if (event.seq > run.lastSeq + 1) return 'missed';
  }
  run.lastSeq = Math.max(run.lastSeq, event.seq);
  switch (event.type) {
    case 'run.started':
      run.model = event.model;
      break;
    case 'text.delta':
      run.text += event.text;
      run.status = null;
      break;
    case 'reasoning.delta':
      run.reasoning += event.text;
      run.status = 'thinking';
      break;
    case 'snapshot':
      Object.assign(run, { text: event.text, reasoning: event.reasoning, lastSeq: event.lastSeq });
      break;
    case 'tool.call':
      run.tools = [...run.tools, { callId: event.callId, name: event.name, arguments: event.arguments, result: null }];
      run.status = `calling ${event.name}`;
      break;
    case 'tool.result':
      run.tools = run.tools.map(tool => (tool.callId === event.callId ? { ...tool, result: { ok: event.ok, content: event.content } } : tool));
      run.status = 'thinking';
      break;
    case 'status':
      run.status = event.phase === 'retrying' || event.phase === 'fallback' ? `${event.phase} (${event.provider}, attempt ${event.attempt})` : event.phase;
      break;
    case 'run.error':
      run.error = event;
      break;
    case 'run.finished':
      run.finished = event.finishReason;
      run.status = null;
      break;
  }
  return 'applied';
}
