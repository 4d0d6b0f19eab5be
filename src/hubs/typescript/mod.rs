//! Writes the hubs' methods and events as TypeScript, from the types that the program itself reads
//! and writes. The console uses the file, and any other web page may.
//!
//! `UPDATE_TYPES=1 cargo test --lib typescript` writes it anew; a plain test run fails if it is old.

mod declarations;
mod requests;

use std::path::Path;

pub use self::declarations::Declarations;
use crate::{
    chat::{self, event::ChatEvent},
    hubs::llm,
    trading::{
        backtests::{self, BacktestEvent},
        bots::{self, BotEvent},
        commands, report, subscribing,
    },
};

const FILE: &str = "web/src/generated/hubs.ts";

const HEAD: &str = "\
// The hubs' methods and events, generated from the server's own types. Do not edit:
// UPDATE_TYPES=1 cargo test --lib typescript
";

/// What TypeScript makes of the types: which method takes and answers what, and which event carries
/// what. A method that is a stream has `item` instead of `result`.
const MAPS: &str = include_str!("maps.ts");

fn generated() -> String {
    let mut declarations = Declarations::default();
    declarations.add::<ChatEvent<'static>>();
    declarations.add::<chat::NewMessage>();
    declarations.add::<chat::Edit>();
    declarations.add::<chat::Started>();
    declarations.add::<chat::OpenedConversation>();
    declarations.add::<chat::Page<chat::ConversationSummary>>();
    declarations.add::<chat::Model>();
    declarations.add::<chat::UsageReport>();
    declarations.add::<chat::What>();
    llm::declare(&mut declarations);
    declarations.add::<BotEvent>();
    declarations.add::<bots::BotSnapshot>();
    declarations.add::<bots::BotArrays>();
    declarations.add::<bots::Registered>();
    declarations.add::<BacktestEvent>();
    declarations.add::<backtests::BacktestSnapshot>();
    declarations.add::<backtests::SubscribedBacktests>();
    declarations.add::<backtests::RegisteredBacktests>();
    declarations.add::<commands::CommandOutcome>();
    declarations.add::<commands::ExecuteCommand>();
    declarations.add::<commands::Answer>();
    declarations.add::<report::Receipt>();
    declarations.add::<subscribing::Subscribed<bots::BotSnapshot>>();
    requests::declare(&mut declarations);
    format!("{HEAD}\n{}\n{MAPS}", declarations.text())
}

#[test]
fn the_generated_types_are_those_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let generated = generated();
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::write(&path, &generated).expect("can be written");
    }
    let written = std::fs::read_to_string(&path).expect("is there");
    assert!(
        written == generated,
        "{FILE} is old: UPDATE_TYPES=1 cargo test --lib typescript"
    );
}

/// The maps name exactly the methods that the hubs have.
#[test]
fn every_method_of_a_hub_has_its_types() {
    for (hub, source) in [
        ("LlmHub", include_str!("../llm.rs")),
        ("BotHub", include_str!("../bots.rs")),
        ("BacktestHub", include_str!("../backtests.rs")),
    ] {
        let map = MAPS.split(&format!("interface {hub}Methods {{")).nth(1);
        let map = map.and_then(|map| map.split("\n}").next()).expect(hub);
        let mut typed: Vec<&str> = map
            .lines()
            .filter_map(|line| line.trim().split_once(": {").map(|(name, _)| name))
            .collect();
        let mut methods: Vec<&str> = [".method(\"", ".stream(\""]
            .iter()
            .flat_map(|call| source.split(call).skip(1))
            .filter_map(|rest| rest.split('"').next())
            .collect();
        typed.sort_unstable();
        methods.sort_unstable();
        assert_eq!(typed, methods, "{hub}");
    }
}
