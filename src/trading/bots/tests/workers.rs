//! Who works for a bot, and commands on their way to it.

use super::*;

#[test]
fn the_newest_registration_wins_and_the_older_worker_is_told() {
    let desk = desk();
    let (old, new) = (id("w1"), id("w2"));
    desk.bots
        .register(&old, &[id("b")], None)
        .now()
        .expect("is registered");
    let epoch = desk.report("b", vec![trade("t1")]).epoch;
    desk.bots
        .register(&new, &[id("b")], None)
        .now()
        .expect("is registered");
    let refused = |who: &Id| {
        let reporter = Reporter::Connection(who.clone());
        let refused = desk.try_report(&reporter, "b", vec![trade("t2")], None);
        refused.err().map(|problem| problem.code)
    };
    assert_eq!(refused(&old), Some(Code::NotRegistered));
    let receipt = desk.report_as(&Reporter::Connection(new.clone()), "b", vec![trade("t2")]);
    assert_eq!((receipt.epoch, receipt.seqs), (epoch, vec![2]));
    desk.report_as(&Reporter::Http, "b", vec![trade("t3")]);
    desk.bots.live.disconnected(&new);
    assert_eq!(
        refused(&old),
        Some(Code::NotRegistered),
        "until it registers"
    );
    desk.bots
        .register(&old, &[id("b")], None)
        .now()
        .expect("is registered");
    assert_eq!(refused(&old), None);
}

#[test]
fn a_removed_bot_is_gone_and_its_worker_has_to_register_again() {
    let desk = desk();
    desk.bots
        .register(&id("w1"), &[id("b")], None)
        .now()
        .expect("is registered");
    let epoch = desk.report("b", vec![trade("t1")]).epoch;
    desk.watch("v", &[], &Since::new());
    desk.bots.live.remove(&id("b")).now().expect("is removed");
    assert_eq!(desk.names(), ["BotRemoved"]);
    assert_eq!(
        desk.bots
            .live
            .get("b")
            .now()
            .map(|_| ())
            .map_err(|it| it.code),
        Err(Code::NotFound)
    );
    let reporter = Reporter::Connection(id("w1"));
    let refused = desk.try_report(&reporter, "b", vec![trade("t2")], None);
    assert_eq!(refused.map_err(|it| it.code), Err(Code::NotRegistered));
    desk.bots
        .register(&id("w1"), &[id("b")], None)
        .now()
        .expect("is registered");
    assert_ne!(desk.report("b", vec![trade("t2")]).epoch, epoch);
}

#[tokio::test]
async fn a_command_is_carried_to_the_worker_and_everybody_learns_what_became_of_it() {
    let desk = desk();
    desk.bots
        .register(&id("w1"), &[id("b")], None)
        .now()
        .expect("is registered");
    desk.watch("v", &["b"], &Since::new());
    *desk.worker.answer.lock().expect("not poisoned") = Some(Ok(Answer::done()));
    let stop = || BotCommand::stop(&json!("closePositions")).expect("is a mode");
    let outcome = desk.bots.command(&id("b"), stop(), "ann").await;
    assert!(outcome.expect("is answered").ok);
    let asked = desk.worker.asked.lock().expect("not poisoned").clone();
    assert_eq!(asked[0].command, "stop");
    assert_eq!(asked[0].arguments, json!({"mode": "closePositions"}));
    let (name, event) = desk.delivered().remove(0);
    assert_eq!((name, &event["by"]), ("CommandResult", &json!("ann")));
    assert_eq!(event["ok"], true);
    assert_eq!(event["commandId"], asked[0].command_id);

    let failed = Failure::Failed("boom".to_owned());
    *desk.worker.answer.lock().expect("not poisoned") = Some(Err(failed));
    let outcome = desk.bots.command(&id("b"), stop(), "ann").await;
    assert_eq!(
        outcome.expect("is answered").code.as_deref(),
        Some("worker_failed")
    );
    assert!(BotCommand::stop(&json!("later")).is_err());
    let unknown = desk.bots.command(&id("x"), stop(), "ann").await;
    assert_eq!(unknown.map_err(|it| it.code), Err(Code::NotFound));
}

#[tokio::test]
async fn a_command_to_a_worker_that_is_busy_or_leaves_is_answered_too() {
    let desk = desk();
    let bot = id("b");
    let start = || desk.bots.command(&bot, BotCommand::Start, "ann");
    let code = |outcome: Result<crate::trading::commands::CommandOutcome, _>| {
        outcome.ok().and_then(|outcome| outcome.code)
    };
    desk.report_as(&Reporter::Http, "b", vec![]);
    assert_eq!(code(start().await).as_deref(), Some("worker_gone"));
    desk.bots
        .register(&id("w1"), &[id("b")], None)
        .now()
        .expect("is registered");
    let leave = async {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        desk.bots.live.disconnected(&id("w1"));
    };
    let (first, second, ()) = tokio::join!(start(), start(), leave);
    assert_eq!(code(first).as_deref(), Some("worker_gone"));
    assert_eq!(code(second).as_deref(), Some("busy"));
}
