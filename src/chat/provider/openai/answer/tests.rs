//! Streams as real endpoints send them.

use super::*;

fn answer(events: &[&str]) -> Result<Vec<Chunk>, Failure> {
    let mut answer = Answer::default();
    let mut chunks = Vec::new();
    for event in events {
        chunks.extend(answer.take(event.as_bytes())?);
    }
    chunks.extend(answer.end()?);
    Ok(chunks)
}

#[test]
fn text_reasoning_and_usage_come_out_in_order() {
    let chunks = answer(&[
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"Hel"}},{"index":1,"delta":{"content":"no"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"lo"}]},"finish_reason":""}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
        "[DONE]",
    ]);
    let expected = vec![
        Chunk::Reasoning("hm".into()),
        Chunk::Text("Hel".into()),
        Chunk::Text("lo".into()),
        Chunk::Usage {
            prompt_tokens: 3,
            completion_tokens: 2,
        },
        Chunk::Finished(FinishReason::Stop),
    ];
    assert_eq!(chunks, Ok(expected));
}

#[test]
fn tool_calls_are_put_together_with_and_without_an_index() {
    for events in [
        [
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"get_bot","arguments":"{\"bot"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"Id\":1}"}},{"index":1,"id":"b","function":{"name":"list_bots"}}]}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
        ],
        [
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"get_bot","arguments":"{\"botId\":1}"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"name":"list_bots","arguments":""}}]}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        ],
    ] {
        let chunks = answer(&events).expect("an answer");
        let call = |id: &str, name: &str, arguments: &str| ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
        };
        let calls = vec![
            call("a", "get_bot", r#"{"botId":1}"#),
            call("b", "list_bots", ""),
        ];
        assert!(chunks.contains(&Chunk::ToolCalls(calls)), "{chunks:?}");
        assert_eq!(
            chunks.last(),
            Some(&Chunk::Finished(FinishReason::ToolCalls))
        );
    }
}

#[test]
fn an_answer_without_a_finish_reason_is_none() {
    let text = r#"{"choices":[{"delta":{"content":"Hel"}}]}"#;
    for events in [&[text][..], &[text, "[DONE]"], &["[DONE]"], &[]] {
        let failure = answer(events).expect_err("incomplete");
        assert_eq!(failure.code, crate::problem::Code::UpstreamInvalid);
    }
}

#[test]
fn what_comes_after_the_end_cannot_spoil_the_answer() {
    let end = r#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":"length"}]}"#;
    for last in ["{broken", r#"{"error":{"message":"too late"}}"#, "[DONE]"] {
        let chunks = answer(&[end, last]).expect("complete");
        assert_eq!(chunks.last(), Some(&Chunk::Finished(FinishReason::Length)));
    }
}
