/** The conversations: open, rename, delete. */
import { useState } from 'preact/hooks';
import type { ConversationSummary } from '../generated/hubs';
import { explain } from '../hub/error';
import { go, href, subject } from '../router';
import { moment } from '../ui/format';
import { Icon } from '../ui/icons';
import { conversations, listMore, nextCursor, remove, rename } from './list';
import { problem } from './store';

const report = (error: unknown): void => void (problem.value = explain(error));

export function Sidebar({ done }: { done: () => void }) {
  return (
    <nav class="conversations" aria-label="Conversations">
      <button class="primary" onClick={() => { go('chat'); done(); }}><Icon name="plus" />New conversation</button>
      <ul>
        {conversations.value.map(one => <Entry key={one.conversationId} conversation={one} done={done} />)}
      </ul>
      {conversations.value.length === 0 && <p class="muted">No conversations yet.</p>}
      {nextCursor.value && <button onClick={() => listMore().catch(report)}>Show more</button>}
    </nav>
  );
}

function Entry({ conversation, done }: { conversation: ConversationSummary; done: () => void }) {
  const { conversationId: id, title, updatedAt, activeRunId } = conversation;
  const [mode, setMode] = useState<'shown' | 'named' | 'asked'>('shown');
  if (mode === 'named') return <li><Rename id={id} title={title} done={() => setMode('shown')} /></li>;
  if (mode === 'asked') {
    return (
      <li class="asked" role="alertdialog" aria-label={`Delete ${title}?`}>
        <span>Delete “{title}”?</span>
        <button class="bad" ref={button => button?.focus()} onClick={() => remove(id).catch(report)}>Delete</button>
        <button onClick={() => setMode('shown')}>Keep</button>
      </li>
    );
  }
  return (
    <li class={subject.value === id ? 'current' : ''}>
      <a href={href('chat', id)} onClick={done} aria-current={subject.value === id ? 'page' : undefined}>
        <span>{activeRunId && <i class="dot good" title="an answer is being written" />}{title}</span>
        <small class="muted">{moment(updatedAt)}</small>
      </a>
      <button class="quiet" aria-label={`Rename ${title}`} onClick={() => setMode('named')}><Icon name="pencil" /></button>
      <button class="quiet" aria-label={`Delete ${title}`} onClick={() => setMode('asked')}><Icon name="trash" /></button>
    </li>
  );
}

function Rename({ id, title, done }: { id: string; title: string; done: () => void }) {
  const [text, setText] = useState(title);
  const save = async () => {
    done();
    const wanted = text.trim();
    if (wanted && wanted !== title) await rename(id, wanted).catch(report);
  };
  return (
    <form onSubmit={event => { event.preventDefault(); void save(); }}>
      <input aria-label="Title" maxLength={200} value={text} ref={input => input?.focus()} onInput={event => setText(event.currentTarget.value)}
        onBlur={save} onKeyDown={event => event.key === 'Escape' && done()} />
    </form>
  );
}
