/**
 * The conversation that is open, and its run. A run belongs to the server: what this page
 * missed, after a reload or on a bad network, it asks for and goes on.
 */
import { signal } from '@preact/signals';
import type { ChatEvent, Edit, LlmHubEvents, Message, NewMessage, Started } from '../generated/hubs';
import { explain, fromHub } from '../hub/error';
import { Held } from '../hub/held';
import { llmHub } from '../hub/hubs';
import { randomId } from '../hub/identity';
import { go, page, rename as renameRoute, subject } from '../router';
import { oncePerFrame } from '../ui/frames';
import { list } from './list';
import { loadModels, model } from './models';
import { apply, begin, pickUp, type LiveRun } from './run';

export interface OpenConversation {
  id: string;
  title: string;
  messages: Message[];
  hasOlder: boolean;
  run: LiveRun | null;
}

/** Something said that the server has not confirmed. */
export interface Unsent {
  content: string;
  clientMessageId: string;
  /** Why not; `null` while it is on its way. */
  problem: string | null;
}

const OLDEST_PAGE = 200;
export const current = signal<OpenConversation | null>(null);
export const unsent = signal<Unsent | null>(null);
export const problem = signal<string | null>(null);

let open: OpenConversation | null = null;
let isWatching = false;
let stopFollowing: (() => void) | null = null;
const publish = oncePerFrame(() => {
  current.value = open && { ...open, run: open.run && { ...open.run } };
});
const events = new Held<[ChatEvent]>(take);

/** Begins to follow, once for the page's life. */
export function watchChat(): void {
  if (isWatching) return;
  isWatching = true;
  llmHub.on('ChatEvent', event => events.pass(event));
  llmHub.on('ConversationChanged', onChanged);
  llmHub.onReady(async () => {
    await Promise.all([attempt(list), attempt(loadModels), attempt(show)]);
  });
  llmHub.start();
}

async function attempt(act: () => Promise<void>): Promise<void> {
  try {
    await act();
    problem.value = null;
  } catch (error) {
    problem.value = explain(error);
  }
}

/** Shows what the address names; without a name, a run that is under way or nothing. */
async function show(): Promise<void> {
  const id = page.value === 'chat' ? subject.value : open?.id;
  if (id) return openConversation(id);
  if (page.value !== 'chat') return;
  const [running] = await llmHub.invoke('ActiveRuns', {});
  if (running && !subject.value && isFirstLook) go('chat', running.conversationId);
  isFirstLook = false;
}

let isFirstLook = true;

export function openConversation(id: string): Promise<void> {
  isFirstLook = false;
  return events.during(async () => {
    const opened = await llmHub.invoke('OpenConversation', { conversationId: id, limit: OLDEST_PAGE });
    if (open && open.id !== id) void llmHub.invoke('CloseConversation', { conversationId: open.id }).catch(() => {});
    stopFollowing?.();
    open = {
      id,
      title: opened.title,
      messages: opened.messages,
      hasOlder: opened.messages.length >= OLDEST_PAGE,
      run: opened.activeRun && pickUp(opened.activeRun),
    };
    if (unsent.value && opened.messages.some(message => message.content === unsent.value?.content && message.role === 'user')) unsent.value = null;
    publish();
  });
}

/** The address changed. */
export function visit(id: string | null): void {
  if (id === (open?.id ?? null)) return;
  unsent.value = null;
  if (!id) {
    if (open) void llmHub.invoke('CloseConversation', { conversationId: open.id }).catch(() => {});
    open = null;
    publish();
  } else if (llmHub.state.value.kind === 'connected') {
    void attempt(() => openConversation(id));
  }
}

export async function loadOlder(): Promise<void> {
  const at = open!;
  const before = at.messages[0]?.messageId;
  const older = await llmHub.invoke('OpenConversation', { conversationId: at.id, before, limit: OLDEST_PAGE });
  at.messages = [...older.messages, ...at.messages];
  at.hasOlder = older.messages.length >= OLDEST_PAGE;
  publish();
}

function take(event: ChatEvent): void {
  if (!open || event.conversationId !== open.id) return;
  const { run } = open;
  if (run?.runId !== event.runId) {
    // Begun in another tab; its question is not on this page either.
    if (!open.messages.some(message => message.messageId === event.messageId)) again();
    return;
  }
  if (apply(run, event) === 'missed') return follow(run);
  if (run.finished) end(run);
  publish();
}

const again = oncePerFrame(() => {
  if (open) void attempt(() => openConversation(open!.id));
});

/** Asks for what is missing; from then on the run's events come by the stream. */
function follow(run: LiveRun): void {
  if (stopFollowing) return;
  const next = (event: ChatEvent): void => {
    if (open?.run === run && apply(run, event) === 'applied' && run.finished) end(run);
    publish();
  };
  const argument = { runId: run.runId, afterSeq: run.lastSeq };
  const dispose = llmHub.stream('ResumeRun', argument, next, error => {
    stopFollowing = null;
    if (error) again();
  });
  stopFollowing = () => {
    stopFollowing = null;
    dispose();
  };
}

/** A finished run is a message like any other. */
function end(run: LiveRun): void {
  if (!open) return;
  const { messageId, text, reasoning, runId, finished, error, model } = run;
  const message: Message = {
    messageId, role: 'assistant', content: text, createdAt: new Date().toISOString(), runId,
    reasoning: reasoning || undefined, model, finishReason: finished ?? undefined, error: error ?? undefined,
  };
  open.messages = [...open.messages.filter(other => other.messageId !== messageId), message];
  open.run = null;
}

function onChanged({ conversationId, change }: LlmHubEvents['ConversationChanged']): void {
  void attempt(list);
  if (conversationId !== open?.id) return;
  if (change === 'deleted') go('chat');
  else if ((change === 'messages' || change === 'run_started') && !isAsking) again();
}

let isAsking = false;

/** A request that begins a run. */
type Question =
  | { method: 'SendMessage'; argument: NewMessage }
  | { method: 'EditMessage' | 'Regenerate'; argument: Edit };

/** The run's events wait until the page knows it. */
async function ask({ method, argument }: Question, begun: (started: Started) => void): Promise<void> {
  isAsking = true;
  try {
    await events.during(async () => {
      // Both kinds of argument have a model.
      const started = await llmHub.invoke(method, { ...(argument as NewMessage & Edit), model: model.value || undefined });
      begun(started);
      open!.run = begin(started.runId, started.messageId);
      publish();
    });
  } finally {
    isAsking = false;
  }
}

export async function send(content: string, clientMessageId = randomId()): Promise<void> {
  unsent.value = { content, clientMessageId, problem: null };
  const said = (userMessageId: string): Message => ({ messageId: userMessageId, role: 'user', content, createdAt: new Date().toISOString() });
  try {
    const conversationId = open?.id;
    await ask({ method: 'SendMessage', argument: { conversationId, content, clientMessageId } }, started => {
      unsent.value = null;
      if (!conversationId) {
        open = { id: started.conversationId, title: content.slice(0, 60), messages: [], hasOlder: false, run: null };
        renameRoute('chat', started.conversationId);
      }
      open!.messages = [...open!.messages, said(started.userMessageId)];
    });
  } catch (error) {
    unsent.value = { content, clientMessageId, problem: explain(error) };
    if (fromHub(error).code === 'run_active') again();
  }
}

/** Answers why not, if not. */
export async function edit(messageId: string, content: string): Promise<void> {
  await ask({ method: 'EditMessage', argument: { conversationId: open!.id, messageId, content, clientMessageId: randomId() } }, started => {
    const index = open!.messages.findIndex(message => message.messageId === messageId);
    const edited: Message = { ...open!.messages[index]!, messageId: started.userMessageId, content };
    open!.messages = [...open!.messages.slice(0, index), edited];
  });
}

export async function regenerate(messageId: string): Promise<void> {
  await ask({ method: 'Regenerate', argument: { conversationId: open!.id, messageId, clientMessageId: randomId() } }, () => {
    const index = open!.messages.findIndex(message => message.messageId === messageId);
    if (index >= 0) open!.messages = open!.messages.slice(0, index);
  });
}

export async function stop(): Promise<void> {
  if (open?.run) await llmHub.invoke('CancelRun', { runId: open.run.runId });
}
