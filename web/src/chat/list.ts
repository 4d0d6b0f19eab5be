/** The user's conversations, newest first, as far as they were asked for. */
import { signal } from '@preact/signals';
import type { ConversationSummary } from '../generated/hubs';
import { llmHub } from '../hub/hubs';
import { go, page, subject } from '../router';

export const conversations = signal<ConversationSummary[]>([]);
/** Where the next page begins; `null` at the end. */
export const nextCursor = signal<string | null>(null);

export async function list(): Promise<void> {
  const { items, nextCursor: next } = await llmHub.invoke('ListConversations', {});
  conversations.value = items;
  nextCursor.value = next;
}

export async function listMore(): Promise<void> {
  const { items, nextCursor: next } = await llmHub.invoke('ListConversations', { cursor: nextCursor.value ?? undefined });
  conversations.value = [...conversations.value, ...items];
  nextCursor.value = next;
}

export async function rename(conversationId: string, title: string): Promise<void> {
  await llmHub.invoke('RenameConversation', { conversationId, title });
  conversations.value = conversations.value.map(one => (one.conversationId === conversationId ? { ...one, title } : one));
}

export async function remove(conversationId: string): Promise<void> {
  await llmHub.invoke('DeleteConversation', { conversationId });
  conversations.value = conversations.value.filter(one => one.conversationId !== conversationId);
  if (page.value === 'chat' && subject.value === conversationId) go('chat');
}
