/** One message, or the answer that is being written. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Message } from '../generated/hubs';
import { explain } from '../hub/error';
import { Notice } from '../ui/badge';
import { copy } from '../ui/clipboard';
import { Icon } from '../ui/icons';
import { Markdown } from './markdown';
import type { LiveRun, ToolUse } from './run';
import { edit, problem, regenerate } from './store';

const ENDS: Partial<Record<string, string>> = {
  cancelled: 'Stopped.',
  length: 'The answer was cut at the model’s limit.',
  content_filter: 'The provider’s filter ended this answer.',
  tool_calls: 'The model asked for tools too often.',
  stalled: 'The model went silent.',
  interrupted: 'The server that wrote this went away.',
};

export function UserMessage({ message, canEdit }: { message: Message; canEdit: boolean }) {
  const [draft, setDraft] = useState<string | null>(null);
  if (draft !== null) return <Editor message={message} draft={draft} setDraft={setDraft} />;
  return (
    <article class="message user" aria-label="You">
      <div class="bubble">{message.content}</div>
      <div class="tools">
        <CopyButton text={message.content} />
        {canEdit && <button class="quiet" onClick={() => setDraft(message.content)}><Icon name="pencil" />Edit</button>}
      </div>
    </article>
  );
}

interface EditorProps {
  message: Message;
  draft: string;
  setDraft: (draft: string | null) => void;
}

function Editor({ message, draft, setDraft }: EditorProps) {
  const [failure, setFailure] = useState<string | null>(null);
  const save = () => edit(message.messageId, draft.trim()).then(() => setDraft(null), error => setFailure(explain(error)));
  return (
    <form class="message user editor" onSubmit={event => { event.preventDefault(); void save(); }}>
      <textarea aria-label="Edit your message" value={draft} rows={3} ref={area => area?.focus()}
        onInput={event => setDraft(event.currentTarget.value)}
        onKeyDown={event => event.key === 'Escape' && setDraft(null)} />
      {failure && <Notice kind="bad">{failure}</Notice>}
      <div class="tools">
        <button type="button" onClick={() => setDraft(null)}>Cancel</button>
        <button class="primary" disabled={!draft.trim()}>Save and ask again</button>
      </div>
    </form>
  );
}

export function AssistantMessage({ message, canRegenerate }: { message: Message; canRegenerate: boolean }) {
  const { content, reasoning, finishReason, error, model } = message;
  const again = () => regenerate(message.messageId).catch(failure => (problem.value = explain(failure)));
  return (
    <Assistant>
      {reasoning && <Reasoning text={reasoning} />}
      <Markdown text={content} />
      {error && <Notice kind="bad">{error.message} <small>({error.code})</small></Notice>}
      {finishReason && ENDS[finishReason] && <p class="muted ended">{ENDS[finishReason]}</p>}
      <div class="tools">
        <CopyButton text={content} />
        {canRegenerate && <button class="quiet" onClick={again}><Icon name="retry" />{error ? 'Try again' : 'Regenerate'}</button>}
        {model && <small class="muted">{model}</small>}
      </div>
    </Assistant>
  );
}

export function RunningMessage({ run }: { run: LiveRun }) {
  return (
    <Assistant busy>
      {run.reasoning && <Reasoning text={run.reasoning} open={!run.text} />}
      {run.tools.map(tool => <Tool key={tool.callId} tool={tool} />)}
      <Markdown text={run.text} />
      {run.status && <p class="muted working"><span class="dots" aria-hidden="true" />{run.status}</p>}
    </Assistant>
  );
}

const Assistant = ({ busy = false, children }: { busy?: boolean; children: ComponentChildren }) => (
  <article class={`message assistant ${busy ? 'busy' : ''}`} aria-label="Assistant" aria-busy={busy}>{children}</article>
);

const Reasoning = ({ text, open = false }: { text: string; open?: boolean }) => (
  <details class="reasoning" open={open}><summary>Reasoning</summary><div>{text}</div></details>
);

const Tool = ({ tool }: { tool: ToolUse }) => (
  <details class="tool">
    <summary>{tool.name} {tool.result ? (tool.result.ok ? '✓' : '✗') : '…'}</summary>
    <pre>{JSON.stringify(tool.arguments, null, 2)}</pre>
    {tool.result && <pre>{tool.result.content}</pre>}
  </details>
);

function CopyButton({ text }: { text: string }) {
  const [label, setLabel] = useState('Copy');
  const press = async () => {
    setLabel((await copy(text)) ? 'Copied' : 'Not copied');
    setTimeout(() => setLabel('Copy'), 1_500);
  };
  return <button class="quiet" onClick={press}><Icon name="copy" />{label}</button>;
}
