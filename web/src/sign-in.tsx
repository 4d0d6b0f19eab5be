/** Where the server asks who one is. */
import { useState } from 'preact/hooks';
import { claims, token } from './hub/identity';
import { enter } from './hub/hubs';
import { Notice } from './ui/badge';

export function SignIn({ problem }: { problem: string }) {
  const [text, setText] = useState('');
  const [keeps, setKeeps] = useState(false);
  const who = text.trim() ? claims(text.trim()) : null;
  return (
    <main class="sign-in" id="main">
      <form onSubmit={event => { event.preventDefault(); enter(text.trim(), keeps); }}>
        <h1>Sign in</h1>
        <p>This server lets in who has a bearer token. An operator makes one on the server:</p>
        <pre>managing-api gen-token alice --roles viewer,operator</pre>
        {token.value && <Notice kind="bad">The token was not accepted: it may have expired, or be signed with another key. {problem}</Notice>}
        <label>Token
          <textarea name="token" rows={5} value={text} autoComplete="off" spellcheck={false} required ref={area => area?.focus()} onInput={event => setText(event.currentTarget.value)} />
        </label>
        {text.trim() && !who && <p class="loss">This does not look like a token: it has three parts with dots between them.</p>}
        {who && <p class="muted">For <b>{who.user}</b>, roles {who.roles.join(', ') || 'none: may only chat'}{who.expiresAt && `, until ${who.expiresAt.toLocaleString()}`}.</p>}
        <label class="check"><input type="checkbox" checked={keeps} onChange={event => setKeeps(event.currentTarget.checked)} />Stay signed in on this device</label>
        <button class="primary" disabled={!text.trim()}>Sign in</button>
      </form>
    </main>
  );
}
