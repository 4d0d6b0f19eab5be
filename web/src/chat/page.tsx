/** AI chat. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { explain } from '../hub/error';
import { llmHub } from '../hub/hubs';
import { subject } from '../router';
import { Empty, Notice } from '../ui/badge';
import { Icon } from '../ui/icons';
import { Composer } from './composer';
import { AssistantMessage, RunningMessage, UserMessage } from './message';
import { Sidebar } from './sidebar';
import { conversations } from './list';
import { current, loadOlder, problem, send, unsent, visit, watchChat, type OpenConversation } from './store';

export function Chat() {
  const [showsList, setShowsList] = useState(false);
  useEffect(watchChat, []);
  useEffect(() => visit(subject.value), [subject.value]);
  const at = current.value;
  const title = conversations.value.find(one => one.conversationId === at?.id)?.title ?? at?.title ?? 'New conversation';
  return (
    <section class={`chat ${showsList ? 'with-list' : ''}`}>
      <Sidebar done={() => setShowsList(false)} />
      <div class="talk">
        <header class="title">
          <button class="quiet list-toggle" aria-expanded={showsList} onClick={() => setShowsList(!showsList)}><Icon name="menu" />Conversations</button>
          <h1>{title}</h1>
        </header>
        {problem.value && <Notice kind="bad">{problem.value}</Notice>}
        <Messages at={at} />
        <Composer />
      </div>
    </section>
  );
}

function Messages({ at }: { at: OpenConversation | null }) {
  const place = useRef<HTMLDivElement>(null);
  const sticks = useRef(true);
  const isConnected = llmHub.state.value.kind === 'connected';
  useLayoutEffect(() => {
    if (sticks.current && place.current) place.current.scrollTop = place.current.scrollHeight;
  });
  const onScroll = (): void => {
    const { scrollHeight, scrollTop, clientHeight } = place.current!;
    sticks.current = scrollHeight - scrollTop - clientHeight < 80;
  };
  const isFree = isConnected && !at?.run;
  const last = at?.messages.at(-1);
  return (
    <div class="messages" ref={place} onScroll={onScroll} tabIndex={0} role="log" aria-label="Messages">
      {!at && !unsent.value && <Welcome />}
      {at?.hasOlder && <button onClick={() => loadOlder().catch(error => (problem.value = explain(error)))}>Earlier messages</button>}
      {at?.messages.map(message =>
        message.role === 'user'
          ? <UserMessage key={message.messageId} message={message} canEdit={isFree} />
          : <AssistantMessage key={message.messageId} message={message} canRegenerate={isFree && message === last} />)}
      {unsent.value && <NotYetSent />}
      {at?.run && <RunningMessage run={at.run} />}
    </div>
  );
}

function NotYetSent() {
  const { content, clientMessageId, problem } = unsent.value!;
  return (
    <article class="message user pending" aria-label="You">
      <div class="bubble">{content}</div>
      {problem && (
        <div class="tools">
          <span class="loss">{problem}</span>
          {/* The same name again: a message that did arrive is not said twice. */}
          <button onClick={() => send(content, clientMessageId)}><Icon name="retry" />Send again</button>
          <button onClick={() => (unsent.value = null)}>Discard</button>
        </div>
      )}
    </article>
  );
}

const SUGGESTIONS = ['How are my bots?', 'Which backtests are running?', 'What can you do?'];

const Welcome = () => (
  <Empty title="What would you like to know?">
    <p>Answers go on when you reload, close the tab or lose the network.</p>
    <div class="suggestions">{SUGGESTIONS.map(text => <button key={text} onClick={() => send(text)}>{text}</button>)}</div>
  </Empty>
);
