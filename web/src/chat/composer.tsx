/** Where one writes: Enter sends, Shift+Enter is a new line; a running answer can be stopped. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { explain } from '../hub/error';
import { llmHub } from '../hub/hubs';
import { Icon } from '../ui/icons';
import { choose, model, models } from './models';
import { current, problem, send, stop, unsent } from './store';

const LONGEST = 200_000;

export function Composer() {
  const [text, setText] = useState('');
  const area = useRef<HTMLTextAreaElement>(null);
  const isConnected = llmHub.state.value.kind === 'connected';
  const run = current.value?.run;
  const isWaiting = unsent.value !== null && unsent.value.problem === null;
  const canSend = isConnected && !run && !isWaiting && text.trim() !== '';
  useEffect(() => {
    area.current!.style.height = 'auto';
    area.current!.style.height = `${Math.min(area.current!.scrollHeight, 240)}px`;
  }, [text]);
  const submit = (): void => {
    if (!canSend) return;
    void send(text.trim());
    setText('');
  };
  const halt = () => stop().catch(error => (problem.value = explain(error)));
  return (
    <form class="composer" onSubmit={event => { event.preventDefault(); submit(); }}>
      <textarea ref={area} rows={1} value={text} maxLength={LONGEST} aria-label="Message" placeholder="Ask about your bots, or anything"
        onInput={event => setText(event.currentTarget.value)}
        onKeyDown={event => {
          if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            submit();
          }
        }} />
      <div class="row">
        <ModelPicker />
        {run
          ? <button type="button" class="primary" onClick={halt} disabled={!isConnected}><Icon name="stop" />Stop</button>
          : <button class="primary" disabled={!canSend} title={isConnected ? undefined : 'Not connected'}><Icon name="send" />Send</button>}
      </div>
    </form>
  );
}

function ModelPicker() {
  const all = models.value;
  const known = all.some(({ id }) => id === model.value) ? model.value : '';
  return (
    <select aria-label="Model" value={known} onChange={event => choose(event.currentTarget.value)}>
      <option value="">{all.find(one => one.default)?.name ?? 'Default model'}</option>
      {all.filter(one => !one.default).map(({ id, name, provider }) => <option key={id} value={id}>{name} ({provider})</option>)}
    </select>
  );
}
