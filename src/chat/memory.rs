//! Conversations in memory: bounded, the least recently used go first.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::ready;
use indexmap::IndexMap;
use tokio::time::Instant;

use super::store::{Answer, Begun, Change, Opened, Started, Store, StoreError, Turn, UsageRecord};
use super::{
    ClientMessageId, ConversationId, ConversationSummary, Message, MessageId, Page, Role, RunId,
    Timestamp, UserId,
};

/// What the store may hold.
#[derive(Clone, Copy, Debug)]
pub struct MemoryBounds {
    /// Of all messages together. Beyond it the conversation that was quiet longest is forgotten.
    pub bytes: usize,
    pub usage_records_per_user: usize,
    /// Client message ids remembered, of all users.
    pub keys: usize,
}

impl Default for MemoryBounds {
    fn default() -> Self {
        Self {
            bytes: 256 * 1024 * 1024,
            usage_records_per_user: 10_000,
            keys: 100_000,
        }
    }
}

/// How long a client's message id is remembered.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// How much of a conversation is told to a model, at most.
const HISTORY_BYTES: usize = 1024 * 1024;

/// A [`Store`] that ends with the process. One lock: every operation is short.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    bounds: MemoryBounds,
}

#[derive(Default)]
struct State {
    users: HashMap<UserId, User>,
    /// Every conversation by its last change, the quietest first.
    quiet: BTreeMap<u64, (UserId, ConversationId)>,
    changes: u64,
    bytes: usize,
    keys: HashMap<(UserId, ClientMessageId), Key>,
    /// The keys in the order they came.
    key_ages: VecDeque<(Instant, UserId, ClientMessageId)>,
}

#[derive(Default)]
struct User {
    conversations: HashMap<ConversationId, Conversation>,
    /// By last change: what lists are read from.
    by_change: BTreeMap<u64, ConversationId>,
    answers: HashMap<RunId, (ConversationId, MessageId)>,
    usage: VecDeque<UsageRecord>,
}

struct Conversation {
    title: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Its place among all changes.
    change: u64,
    messages: IndexMap<MessageId, Message>,
    active_run: Option<RunId>,
}

struct Key {
    fingerprint: u64,
    started: Started,
}

impl MemoryStore {
    pub fn new(bounds: MemoryBounds) -> Self {
        Self {
            state: Mutex::default(),
            bounds,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, turn: &Turn) -> Result<Begun, StoreError> {
        let mut state = self.lock();
        if let Some(repeated) = state.repeated(turn)? {
            return Ok(Begun::Repeated(repeated));
        }
        let (conversation_id, user_message_id) = state.apply(turn)?;
        let started = Started {
            conversation_id,
            user_message_id,
            message_id: turn.message_id.clone(),
            run_id: turn.run_id.clone(),
        };
        state.remember(turn, &started, self.bounds.keys);
        state.touch(&turn.user, &started.conversation_id, turn.at);
        state.evict(self.bounds.bytes);
        let conversation = state.conversation(&turn.user, &started.conversation_id)?;
        conversation.active_run = Some(turn.run_id.clone());
        let history = conversation.history();
        Ok(Begun::New { started, history })
    }

    fn finish(
        &self,
        user: &UserId,
        id: &ConversationId,
        run: &RunId,
        answer: Message,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let size = answer.size();
        let at = Timestamp::now();
        let conversation = state.conversation(user, id)?;
        if conversation.active_run.as_ref() != Some(run) {
            return Err(StoreError::NotFound);
        }
        conversation.active_run = None;
        let message_id = answer.message_id.clone();
        conversation.messages.insert(message_id.clone(), answer);
        state.bytes += size;
        state.touch(user, id, at);
        let user = state.users.entry(user.clone()).or_default();
        user.answers.insert(run.clone(), (id.clone(), message_id));
        state.evict(self.bounds.bytes);
        Ok(())
    }

    fn page(
        &self,
        user: &UserId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<ConversationSummary>, StoreError> {
        let before = match cursor {
            Some(cursor) => cursor
                .parse()
                .map_err(|_| StoreError::Invalid("this is not a cursor"))?,
            None => u64::MAX,
        };
        let state = self.lock();
        let Some(user) = state.users.get(user) else {
            return Ok(Page {
                items: Vec::new(),
                next_cursor: None,
            });
        };
        let mut newest = user.by_change.range(..before).rev().peekable();
        let mut items = Vec::new();
        let mut last = 0;
        for (change, id) in newest.by_ref().take(limit) {
            last = *change;
            items.extend(user.conversations.get(id).map(|found| found.summary(id)));
        }
        let next_cursor = newest.peek().map(|_| last.to_string());
        Ok(Page { items, next_cursor })
    }
}

impl State {
    fn conversation(
        &mut self,
        user: &UserId,
        id: &ConversationId,
    ) -> Result<&mut Conversation, StoreError> {
        let user = self.users.get_mut(user).ok_or(StoreError::NotFound)?;
        user.conversations.get_mut(id).ok_or(StoreError::NotFound)
    }

    fn repeated(&mut self, turn: &Turn) -> Result<Option<Started>, StoreError> {
        self.forget_old_keys();
        let Some((key, fingerprint)) = &turn.key else {
            return Ok(None);
        };
        match self.keys.get(&(turn.user.clone(), key.clone())) {
            None => Ok(None),
            Some(known) if known.fingerprint == *fingerprint => Ok(Some(known.started.clone())),
            Some(_) => Err(StoreError::KeyConflict),
        }
    }

    fn remember(&mut self, turn: &Turn, started: &Started, bound: usize) {
        let Some((key, fingerprint)) = &turn.key else {
            return;
        };
        let known = Key {
            fingerprint: *fingerprint,
            started: started.clone(),
        };
        self.keys.insert((turn.user.clone(), key.clone()), known);
        self.key_ages
            .push_back((Instant::now(), turn.user.clone(), key.clone()));
        if self.key_ages.len() > bound {
            self.forget_oldest_key();
        }
    }

    fn forget_old_keys(&mut self) {
        while self
            .key_ages
            .front()
            .is_some_and(|(at, ..)| at.elapsed() > KEY_LIFETIME)
        {
            self.forget_oldest_key();
        }
    }

    fn forget_oldest_key(&mut self) {
        if let Some((_, user, key)) = self.key_ages.pop_front() {
            self.keys.remove(&(user, key));
        }
    }

    /// Makes the change and answers the conversation and the user's message that is to be answered.
    fn apply(&mut self, turn: &Turn) -> Result<(ConversationId, MessageId), StoreError> {
        match &turn.change {
            Change::Create {
                conversation,
                title,
                message,
                content,
            } => {
                let user = self.users.entry(turn.user.clone()).or_default();
                let new = Conversation::new(title.clone(), turn.at);
                user.conversations.insert(conversation.clone(), new);
                self.push(turn, conversation, message, content)
            }
            Change::Append {
                conversation,
                message,
                content,
            } => {
                self.free(&turn.user, conversation)?;
                self.push(turn, conversation, message, content)
            }
            Change::Regenerate {
                conversation,
                message,
            } => {
                let index = self.index(&turn.user, conversation, message, Role::Assistant)?;
                self.truncate(&turn.user, conversation, index)?;
                let messages = &self.conversation(&turn.user, conversation)?.messages;
                let (question, _) = messages.last().ok_or(StoreError::NotFound)?;
                Ok((conversation.clone(), question.clone()))
            }
            Change::Edit {
                conversation,
                message,
                content,
            } => {
                let index = self.index(&turn.user, conversation, message, Role::User)?;
                self.truncate(&turn.user, conversation, index)?;
                self.push(turn, conversation, message, content)
            }
        }
    }

    fn push(
        &mut self,
        turn: &Turn,
        id: &ConversationId,
        message: &MessageId,
        content: &Arc<str>,
    ) -> Result<(ConversationId, MessageId), StoreError> {
        let new = Message::from_user(message.clone(), content.clone(), turn.at);
        let size = new.size();
        self.conversation(&turn.user, id)?
            .messages
            .insert(message.clone(), new);
        self.bytes += size;
        Ok((id.clone(), message.clone()))
    }

    fn free(&mut self, user: &UserId, id: &ConversationId) -> Result<(), StoreError> {
        match &self.conversation(user, id)?.active_run {
            Some(run) => Err(StoreError::RunActive(run.clone())),
            None => Ok(()),
        }
    }

    /// Where a message of that role stands in a conversation that nobody is answering.
    fn index(
        &mut self,
        user: &UserId,
        id: &ConversationId,
        message: &MessageId,
        role: Role,
    ) -> Result<usize, StoreError> {
        let conversation = self.conversation(user, id)?;
        let found = conversation.messages.get_full(message);
        let (index, _, found) = match (found, &conversation.active_run) {
            (Some(found), _) => found,
            // Perhaps it is the message that is being made.
            (None, Some(run)) => return Err(StoreError::RunActive(run.clone())),
            (None, None) => return Err(StoreError::NotFound),
        };
        if found.role != role {
            return Err(StoreError::Invalid(match role {
                Role::Assistant => "only an assistant's message can be regenerated",
                Role::User => "only a user's message can be edited",
            }));
        }
        self.free(user, id)?;
        Ok(index)
    }

    fn truncate(
        &mut self,
        user: &UserId,
        id: &ConversationId,
        length: usize,
    ) -> Result<(), StoreError> {
        let removed = self.conversation(user, id)?.messages.split_off(length);
        self.bytes -= removed.values().map(Message::size).sum::<usize>();
        let user = self.users.get_mut(user).ok_or(StoreError::NotFound)?;
        for run in removed
            .values()
            .filter_map(|message| message.run_id.as_ref())
        {
            user.answers.remove(run);
        }
        Ok(())
    }

    /// Puts a conversation to the front of its user's list.
    fn touch(&mut self, user_id: &UserId, id: &ConversationId, at: Timestamp) {
        self.changes += 1;
        let change = self.changes;
        let Some(user) = self.users.get_mut(user_id) else {
            return;
        };
        let Some(conversation) = user.conversations.get_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut conversation.change, change);
        conversation.updated_at = at;
        user.by_change.remove(&before);
        user.by_change.insert(change, id.clone());
        self.quiet.remove(&before);
        self.quiet.insert(change, (user_id.clone(), id.clone()));
    }

    fn evict(&mut self, bound: usize) {
        if self.bytes <= bound {
            return;
        }
        let mut passed = 0;
        while self.bytes > bound {
            // Never the newest: it is the one being written to.
            let next = self.quiet.range(passed + 1..self.changes).next();
            let Some((change, (user, id))) = next.map(|(change, ids)| (*change, ids.clone()))
            else {
                return;
            };
            passed = change;
            if self.free(&user, &id).is_ok() {
                self.remove(&user, &id);
            }
        }
    }

    fn remove(&mut self, user_id: &UserId, id: &ConversationId) {
        let Some(user) = self.users.get_mut(user_id) else {
            return;
        };
        let Some(conversation) = user.conversations.remove(id) else {
            return;
        };
        user.by_change.remove(&conversation.change);
        self.quiet.remove(&conversation.change);
        for message in conversation.messages.values() {
            self.bytes -= message.size();
            message
                .run_id
                .as_ref()
                .and_then(|run| user.answers.remove(run));
        }
        if user.conversations.is_empty() && user.usage.is_empty() {
            self.users.remove(user_id);
        }
    }
}

impl Conversation {
    fn new(title: String, at: Timestamp) -> Self {
        Self {
            title,
            created_at: at,
            updated_at: at,
            change: 0,
            messages: IndexMap::new(),
            active_run: None,
        }
    }

    fn summary(&self, id: &ConversationId) -> ConversationSummary {
        ConversationSummary {
            conversation_id: id.clone(),
            title: self.title.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            message_count: self.messages.len(),
            active_run_id: self.active_run.clone(),
        }
    }

    /// The newest messages that fit, oldest first. Answers that never said anything are left out.
    fn history(&self) -> Vec<(Role, Arc<str>)> {
        let mut room = HISTORY_BYTES;
        let mut history: Vec<_> = self
            .messages
            .values()
            .rev()
            .filter(|message| !message.content.is_empty())
            .enumerate()
            .take_while(|(index, message)| {
                let fits = message.content.len() <= room;
                room = room.saturating_sub(message.content.len());
                fits || *index == 0
            })
            .map(|(_, message)| (message.role, message.content.clone()))
            .collect();
        history.reverse();
        history
    }

    fn before(&self, before: Option<&MessageId>, limit: usize) -> Result<Vec<Message>, StoreError> {
        let end = match before {
            Some(id) => self.messages.get_index_of(id).ok_or(StoreError::NotFound)?,
            None => self.messages.len(),
        };
        let first = end.saturating_sub(limit);
        let page = self.messages.get_range(first..end);
        Ok(page
            .into_iter()
            .flat_map(|page| page.values().cloned())
            .collect())
    }
}

fn now<T: Send + 'static>(result: Result<T, StoreError>) -> Answer<'static, T> {
    ready(result).boxed()
}

impl Store for MemoryStore {
    fn begin_turn<'a>(&'a self, turn: &'a Turn) -> Answer<'a, Begun> {
        now(self.begin(turn))
    }

    fn finish_turn<'a>(
        &'a self,
        user: &'a UserId,
        conversation: &'a ConversationId,
        run: &'a RunId,
        answer: Message,
    ) -> Answer<'a, ()> {
        now(self.finish(user, conversation, run, answer))
    }

    fn open<'a>(
        &'a self,
        user: &'a UserId,
        conversation: &'a ConversationId,
        before: Option<&'a MessageId>,
        limit: usize,
    ) -> Answer<'a, Opened> {
        let mut state = self.lock();
        now(state.conversation(user, conversation).and_then(|found| {
            Ok(Opened {
                title: found.title.clone(),
                messages: found.before(before, limit)?,
                active_run: found.active_run.clone(),
            })
        }))
    }

    fn list<'a>(
        &'a self,
        user: &'a UserId,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Page<ConversationSummary>> {
        now(self.page(user, cursor, limit))
    }

    fn rename<'a>(
        &'a self,
        user: &'a UserId,
        conversation: &'a ConversationId,
        title: &'a str,
    ) -> Answer<'a, ()> {
        let mut state = self.lock();
        now(state
            .conversation(user, conversation)
            .map(|found| found.title = title.to_owned()))
    }

    fn delete<'a>(&'a self, user: &'a UserId, conversation: &'a ConversationId) -> Answer<'a, ()> {
        let mut state = self.lock();
        let free = state.free(user, conversation);
        if free.is_ok() {
            state.remove(user, conversation);
        }
        now(free)
    }

    fn answer_of<'a>(
        &'a self,
        user: &'a UserId,
        run: &'a RunId,
    ) -> Answer<'a, (ConversationId, Message)> {
        let mut state = self.lock();
        let place = state
            .users
            .get(user)
            .and_then(|user| user.answers.get(run))
            .cloned();
        let Some((id, message)) = place else {
            return now(Err(StoreError::NotFound));
        };
        let conversation = state.conversation(user, &id);
        now(conversation.and_then(|found| {
            let message = found.messages.get(&message).ok_or(StoreError::NotFound)?;
            Ok((id.clone(), message.clone()))
        }))
    }

    fn record_usage<'a>(&'a self, user: &'a UserId, usage: UsageRecord) -> Answer<'a, ()> {
        let mut state = self.lock();
        let records = &mut state.users.entry(user.clone()).or_default().usage;
        records.push_back(usage);
        if records.len() > self.bounds.usage_records_per_user {
            records.pop_front();
        }
        now(Ok(()))
    }

    fn usage<'a>(
        &'a self,
        user: &'a UserId,
        from: Timestamp,
        to: Timestamp,
    ) -> Answer<'a, Vec<UsageRecord>> {
        let state = self.lock();
        let Some(user) = state.users.get(user) else {
            return now(Ok(Vec::new()));
        };
        let first = user.usage.partition_point(|record| record.at < from);
        let records = user
            .usage
            .range(first..)
            .take_while(|record| record.at < to);
        now(Ok(records.cloned().collect()))
    }
}
