/** The frame: navigation, the connection's state, and the page that the address names. */
import { useEffect } from 'preact/hooks';
import { BacktestPage } from './backtests/page';
import { Backtests } from './backtests/list';
import { BotPage } from './bots/page';
import { Bots } from './bots/list';
import { Chat } from './chat/page';
import { ConnectionBanner, ConnectionPill } from './connection';
import { Events } from './events/page';
import { Fleet } from './fleet/page';
import { hubs, leave } from './hub/hubs';
import { anonymousUser, claims, token } from './hub/identity';
import { href, page, subject } from './router';
import { SignIn } from './sign-in';
import { switchTheme, theme } from './theme';
import { Icon, type IconName } from './ui/icons';
import { Verify } from './verify/page';

const PAGES: [string, string, IconName][] = [
  ['fleet', 'Fleet', 'fleet'],
  ['chat', 'Chat', 'chat'],
  ['bots', 'Bots', 'bots'],
  ['backtests', 'Backtests', 'backtests'],
  ['events', 'Events', 'events'],
  ['verify', 'Verify', 'verify'],
];

export function App() {
  const name = page.value;
  const title = PAGES.find(([id]) => id === name)?.[1] ?? 'Not found';
  useEffect(() => {
    document.title = `${title} · managing-api`;
  }, [title]);
  const refused = hubs.map(hub => hub.state.value).find(state => state.kind === 'refused');
  if (refused?.kind === 'refused') return <SignIn problem={refused.problem} />;
  return (
    <>
      <a class="skip" href="#main" onClick={event => { event.preventDefault(); document.getElementById('main')?.focus(); }}>Skip to the page</a>
      <header class="bar">
        <a class="brand" href={href('fleet')}><img src="/favicon.svg" alt="" width={24} height={24} />managing-api</a>
        <ConnectionPill />
        <span class="spacer" />
        <Person />
        <button class="quiet" onClick={switchTheme} aria-label={theme.value === 'dark' ? 'Light theme' : 'Dark theme'}><Icon name={theme.value === 'dark' ? 'sun' : 'moon'} /></button>
      </header>
      <nav class="pages" aria-label="Pages">
        {PAGES.map(([id, label, icon]) => (
          <a key={id} href={href(id)} aria-current={id === name ? 'page' : undefined}><Icon name={icon} /><span>{label}</span></a>
        ))}
      </nav>
      <main id="main" tabIndex={0}>
        <ConnectionBanner />
        <Page />
      </main>
    </>
  );
}

function Page() {
  const id = subject.value;
  switch (page.value) {
    case 'fleet': return <Fleet />;
    case 'chat': return <Chat />;
    case 'bots': return id ? <BotPage key={id} id={id} /> : <Bots />;
    case 'backtests': return id ? <BacktestPage key={id} id={id} /> : <Backtests />;
    case 'events': return <Events />;
    case 'verify': return <Verify />;
    default: return <section><h1>There is no such page</h1><a href={href('fleet')}>To the fleet</a></section>;
  }
}

function Person() {
  const who = token.value ? claims(token.value) : null;
  if (!token.value) return <span class="person muted" title="This server asks nobody to sign in; this id is kept in the browser."><Icon name="user" /><span>{anonymousUser()}</span></span>;
  return (
    <span class="person">
      <span title={who?.roles.join(', ')}><Icon name="user" /><span>{who?.user ?? 'signed in'}</span></span>
      <button class="quiet" onClick={leave}>Sign out</button>
    </span>
  );
}
