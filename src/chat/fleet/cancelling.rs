//! Cancelling a run that another instance produces.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

use super::Fleet;
use crate::chat::service::ChatService;
use crate::chat::{CancelState, Run, RunId, UserId};
use crate::redis::Instances;

const SERVICE: &str = "chat.cancel";
/// A little more than the producer itself waits for the end.
const LIMIT: Duration = Duration::from_secs(6);

#[derive(Serialize, Deserialize)]
struct Cancel {
    user: UserId,
    run: RunId,
}

impl Fleet {
    /// Asks whoever produces the run to end it, and waits until the end is known here.
    pub(in crate::chat) async fn cancel(&self, run: &Run) -> CancelState {
        let (Some(shared), Some(home)) = (&self.shared, run.home()) else {
            return run.cancelled().await;
        };
        if !run.is_finished() {
            let cancel = Cancel {
                user: run.user.clone(),
                run: run.ids.run.clone(),
            };
            let request = serde_json::to_vec(&cancel).expect("has string keys");
            let home = crate::redis::InstanceId::new(&home);
            let asked = shared.instances.call(&home, SERVICE, request.into(), LIMIT);
            match asked.await {
                Ok(answer) if answer == "cancelling" => return CancelState::Cancelling,
                Ok(_) => {}
                // Somebody else will end it, or the producer itself when it is back.
                Err(error) => {
                    tracing::warn!(run_id = %run.ids.run, ?error, "the producer does not answer");
                }
            }
        }
        run.cancelled().await
    }
}

pub(super) fn serve(instances: &Arc<Instances>, service: &Arc<ChatService>) {
    let service = Arc::downgrade(service);
    instances.serve(SERVICE, move |_, request| {
        answer(service.clone(), request).boxed()
    });
}

async fn answer(service: Weak<ChatService>, request: Bytes) -> Bytes {
    let cancel: Option<Cancel> = serde_json::from_slice(&request).ok();
    let (Some(service), Some(cancel)) = (service.upgrade(), cancel) else {
        return Bytes::new();
    };
    let run = service.runs.get(&cancel.user, &cancel.run);
    let Some(run) = run.filter(|run| run.is_here()) else {
        return Bytes::new();
    };
    Bytes::from_static(match run.cancel().await {
        CancelState::Cancelling => b"cancelling",
        CancelState::Cancelled => b"cancelled",
        CancelState::Finished => b"finished",
    })
}
