//! Keys that change, hosts that are down, and strangers who ask for keys that nobody has.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use tokio::task::{LocalSet, spawn_local};

use super::*;

const RSA_PUBLIC: &str = include_str!("rsa.pub.pem");

fn key(id: &str) -> Key {
    Key {
        id: Some(id.to_owned()),
        algorithm: Algorithm::RS256,
        key: DecodingKey::from_rsa_pem(RSA_PUBLIC.as_bytes()).expect("is a key"),
    }
}

/// A host that answers with these sets of key ids, one after the other; without one it is down.
#[derive(Clone, Default)]
struct Host {
    answers: Rc<RefCell<VecDeque<Vec<&'static str>>>>,
    asked: Rc<RefCell<usize>>,
}

impl Host {
    fn fetch(&self) -> Result<Vec<Key>, FetchError> {
        *self.asked.borrow_mut() += 1;
        let ids = self.answers.borrow_mut().pop_front();
        let ids = ids.ok_or(FetchError::Status(503))?;
        Ok(ids.into_iter().map(key).collect())
    }

    fn asked(&self) -> usize {
        *self.asked.borrow()
    }

    fn will_answer(&self, ids: &[&'static str]) {
        self.answers.borrow_mut().push_back(ids.to_vec());
    }
}

/// Runs a test with the keys of a host, on a clock that is moved.
async fn with_host(test: impl AsyncFnOnce(Arc<Jwks>, Host)) {
    let tasks = LocalSet::new();
    tasks
        .run_until(async {
            let (jwks, host) = (Arc::<Jwks>::default(), Host::default());
            let (running, asked) = (jwks.clone(), host.clone());
            let task = spawn_local(async move { running.run(async || asked.fetch()).await });
            test(jwks, host).await;
            task.abort();
        })
        .await;
}

async fn knows(jwks: &Jwks, id: &str) -> bool {
    !jwks.find(Algorithm::RS256, Some(id)).await.is_empty()
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_fetched_at_once() {
    with_host(async |jwks, host| {
        host.will_answer(&["a"]);
        assert!(knows(&jwks, "a").await);
        assert!(jwks.find(Algorithm::ES256, Some("a")).await.is_empty());
        sleep(LEAST_INTERVAL).await;
        host.will_answer(&["b"]);
        assert!(knows(&jwks, "b").await);
        assert!(
            !knows(&jwks, "a").await,
            "a key that was taken back is not good any more"
        );
        assert!(!jwks.find(Algorithm::RS256, None).await.is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_keys_asks_the_host_once_in_five_seconds() {
    with_host(async |jwks, host| {
        host.will_answer(&["a"]);
        assert!(knows(&jwks, "a").await);
        let begin = Instant::now();
        for number in 0..1000 {
            host.will_answer(&["a"]);
            assert!(!knows(&jwks, &number.to_string()).await);
            sleep(Duration::from_millis(20)).await;
        }
        let seconds = begin.elapsed().as_secs() as usize;
        assert!(
            host.asked() <= 2 + seconds / 5,
            "{} in {seconds} s",
            host.asked()
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn while_the_host_is_down_the_last_keys_stay_good_and_it_is_asked_again() {
    with_host(async |jwks, host| {
        // Down at the start: nobody gets in, and nobody waits for long.
        let begin = Instant::now();
        assert!(!knows(&jwks, "a").await);
        assert!(begin.elapsed() <= PATIENCE);
        host.will_answer(&["a"]);
        sleep(RETRY * 2).await;
        assert!(knows(&jwks, "a").await, "the next try comes soon");
        let asked = host.asked();
        sleep(REFRESH * 3).await;
        assert!(host.asked() > asked + 3);
        assert!(knows(&jwks, "a").await);
        host.will_answer(&["b"]);
        sleep(LONGEST_RETRY * 2).await;
        assert!(knows(&jwks, "b").await);
    })
    .await;
}
