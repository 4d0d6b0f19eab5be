//! Brings what runs have said to a store that outlives the process, now and then: a process that is
//! killed loses the last moments of an answer and no more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::ChatService;
use crate::chat::store::{Part, Said};
use crate::chat::{EmbeddedStore, Run, RunId};

/// How much of an answer may be lost. One transaction each time, however many runs there are.
const EVERY: Duration = Duration::from_secs(2);

/// How far each run that is on its way was kept: bytes of text and reasoning.
type Kept = HashMap<RunId, (usize, usize)>;

impl ChatService {
    /// Keeps parts of the answers in `store`, for ever.
    pub async fn keep_parts(self: Arc<Self>, store: EmbeddedStore) {
        let mut kept = Kept::default();
        loop {
            sleep(EVERY).await;
            kept.retain(|run, _| self.runs.is_active(run));
            let runs = self.runs.active();
            let parts = runs
                .iter()
                .filter_map(|run| part(run, kept.get(&run.ids.run)));
            let parts: Arc<[Part]> = parts.collect();
            if let Err(error) = store.keep_parts(parts.clone()).await {
                tracing::warn!(%error, "parts of answers are not kept for now");
                continue;
            }
            for Part { run, said, .. } in parts.iter() {
                let (text, reasoning) = kept.entry(run.clone()).or_default();
                *text += said.text.len();
                *reasoning += said.reasoning.len();
            }
        }
    }
}

/// What a run said since it was last kept.
fn part(run: &Arc<Run>, kept: Option<&(usize, usize)>) -> Option<Part> {
    let (text, reasoning) = kept.copied().unwrap_or_default();
    let said = run.read(|progress, last_seq| Said {
        text: progress.text[text..].to_owned(),
        reasoning: progress.reasoning[reasoning..].to_owned(),
        last_seq,
    });
    let has_news = !said.text.is_empty() || !said.reasoning.is_empty();
    has_news.then(|| Part {
        user: run.user.clone(),
        run: run.ids.run.clone(),
        said,
    })
}
