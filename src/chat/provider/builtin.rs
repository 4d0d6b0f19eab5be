//! The built-in assistant: no network, no key, no model. It looks at the live bots and backtests and
//! answers in plain sentences, word by word.

mod sentences;
mod understand;

use std::time::Duration;

use async_stream::stream;
use futures_util::StreamExt;

use self::understand::{Question, understand};
use super::{Chunk, Chunks, Prompt, PromptMessage, Provider};
use crate::chat::FinishReason;
use crate::chat::config::Limits;
use crate::problem::Problem;

pub struct BuiltIn {
    word_pause: Duration,
}

impl BuiltIn {
    pub fn new(word_pause: Duration) -> Self {
        Self { word_pause }
    }
}

impl Provider for BuiltIn {
    fn name(&self) -> &str {
        "builtin"
    }

    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// It looks things up by itself.
    fn supports_tools(&self) -> bool {
        false
    }

    fn ask(&self, prompt: &Prompt) -> Chunks {
        let prompt = prompt.clone();
        let pause = self.word_pause;
        stream! {
            let question = last_question(&prompt);
            let text = answer(&prompt, question).await.unwrap_or_else(|problem| {
                format!("I cannot look that up right now: {}.", problem.message)
            });
            yield Ok(Chunk::Accepted);
            for (index, word) in text.split_inclusive([' ', '\n']).enumerate() {
                if index > 0 {
                    tokio::time::sleep(pause).await;
                }
                yield Ok(Chunk::Text(word.to_owned()));
            }
            yield Ok(Chunk::Finished(FinishReason::Stop));
        }
        .boxed()
    }
}

fn last_question(prompt: &Prompt) -> &str {
    let said = prompt
        .messages
        .iter()
        .rev()
        .find_map(|message| match message {
            PromptMessage::User(content) => Some(&**content),
            _ => None,
        });
    said.unwrap_or_default()
}

async fn answer(prompt: &Prompt, question: &str) -> Result<String, Problem> {
    let Some(trading) = &prompt.trading else {
        return Ok(match understand(question, &[], &[]) {
            Question::Count(to) => sentences::count(to),
            Question::Help => sentences::help(),
            _ => sentences::may_not_read(),
        });
    };
    let bots = trading.list_bots().await?;
    let backtests = trading.list_backtests(None, 200).await?;
    Ok(match understand(question, &bots, &backtests) {
        Question::Help => sentences::help(),
        Question::Greeting => sentences::greeting(&bots, &backtests),
        Question::Count(to) => sentences::count(to),
        Question::Bot(id) => match trading.get_bot(&id).await? {
            Some(bot) => sentences::bot(&bot),
            None => sentences::no_bot(&bots),
        },
        Question::WhyStopped(id) => match trading.get_bot(&id).await? {
            Some(bot) => sentences::why_stopped(&bot),
            None => sentences::no_bot(&bots),
        },
        Question::Stopped => sentences::stopped(&bots),
        Question::UnknownBot => sentences::no_bot(&bots),
        Question::Profits => sentences::profits(&bots),
        Question::Best => sentences::extreme(&bots, true),
        Question::Worst => sentences::extreme(&bots, false),
        Question::Bots => sentences::bots(&bots),
        Question::Backtest(id) => match trading.get_backtest(&id).await? {
            Some(backtest) => sentences::backtest(&backtest),
            None => sentences::backtests(&backtests),
        },
        Question::RunningBacktests => sentences::running_backtests(&backtests),
        Question::Backtests => sentences::backtests(&backtests),
        Question::Unclear => sentences::unclear(&bots, &backtests),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chat::tools::tests::Example;

    async fn ask(question: &str) -> String {
        let prompt = Prompt {
            model: "builtin".into(),
            messages: vec![PromptMessage::User(question.into())],
            options: Default::default(),
            trading: Some(Arc::new(Example)),
        };
        let chunks: Vec<_> = BuiltIn::new(Duration::ZERO).ask(&prompt).collect().await;
        let text = |chunk| match chunk {
            Ok(Chunk::Text(text)) => Some(text),
            _ => None,
        };
        chunks.into_iter().filter_map(text).collect()
    }

    #[tokio::test]
    async fn it_answers_from_live_state_with_the_numbers() {
        for (question, expected) in [
            (
                "What can you do?",
                &["built-in assistant", "no language model"][..],
            ),
            ("who are you", &["built-in assistant"]),
            (
                "How much profit did my bots make?",
                &["+1,154.50 USDT", "Grid", "Trend"],
            ),
            (
                "which bot is the best?",
                &["Grid", "+1,234.50 USDT", "+12.35 %"],
            ),
            (
                "Which is my worst bot",
                &["Trend", "-80.00 USDT", "-1.60 %"],
            ),
            (
                "Which backtests are running?",
                &["bt-9", "42 %", "1 min 35 s"],
            ),
            (
                "why did bot trend-2 stop?",
                &["Trend", "daily loss limit reached"],
            ),
            ("Why did Trend stop?", &["daily loss limit reached"]),
            ("why did grid-1 stop", &["running"]),
            ("status of Grid", &["Grid", "running", "87 trades", "61 %"]),
            ("why did bot nobody stop?", &["no such bot", "grid-1"]),
            (
                "what happened to bt-8",
                &["bt-8", "failed", "the worker is gone"],
            ),
            ("list my bots", &["Grid", "Trend", "2 bots"]),
            ("count to 5", &["1 2 3 4 5"]),
            ("Hello!", &["2 bots"]),
            (
                "What is the meaning of life?",
                &["built-in assistant", "2 bots"],
            ),
        ] {
            let answer = ask(question).await;
            for expected in expected {
                assert!(
                    answer.contains(expected),
                    "{question}\n{answer}\nlacks {expected}"
                );
            }
        }
    }
}
