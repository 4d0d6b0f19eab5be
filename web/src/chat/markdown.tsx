/**
 * A model's markdown as safe HTML. Each block is its own element and drawn again only when its own
 * text changes, so a growing answer neither flickers nor loses what is selected in it.
 */
import DOMPurify from 'dompurify';
import { Lexer, Marked, type Token } from 'marked';
import { useMemo } from 'preact/hooks';
import { copy } from '../ui/clipboard';
import { highlight } from './highlight';

const escape = (text: string): string => text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    code({ text, lang }) {
      const language = (lang ?? '').match(/^[\w+#-]+/)?.[0] ?? '';
      return `<div class="code"><div class="code-head"><span>${escape(language || 'text')}</span>`
        + `<button type="button" class="copy">Copy</button></div><pre tabindex="0"><code>${highlight(text, language)}</code></pre></div>`;
    },
  },
});

// Links leave the console alone: no opener, no referrer.
DOMPurify.addHook('afterSanitizeAttributes', node => {
  if (node.tagName === 'A') {
    node.setAttribute('target', '_blank');
    node.setAttribute('rel', 'noopener noreferrer');
  }
});

const FORBID = { FORBID_TAGS: ['style', 'form', 'input', 'textarea', 'select'], FORBID_ATTR: ['style', 'id', 'name'] };

function Block({ token, links }: { token: Token; links: Lexer['tokens']['links'] }) {
  const html = useMemo(() => {
    const tokens = Object.assign([token], { links });
    return DOMPurify.sanitize(marked.parser(tokens), { ...FORBID, ADD_ATTR: ['target'] });
  }, [token.raw]);
  return <div class="block" dangerouslySetInnerHTML={{ __html: html }} />;
}

async function onClick(event: MouseEvent): Promise<void> {
  const button = (event.target as Element).closest<HTMLButtonElement>('button.copy');
  if (!button) return;
  const done = await copy(button.closest('.code')!.querySelector('code')!.textContent ?? '');
  button.textContent = done ? 'Copied' : 'Not copied';
  setTimeout(() => (button.textContent = 'Copy'), 1_500);
}

export function Markdown({ text }: { text: string }) {
  const tokens = useMemo(() => marked.lexer(text), [text]);
  return (
    <div class="markdown" onClick={onClick}>
      {tokens.filter(token => token.type !== 'space').map((token, index) => <Block key={index} token={token} links={tokens.links} />)}
    </div>
  );
}
