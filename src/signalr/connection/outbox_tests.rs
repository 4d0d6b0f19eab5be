use super::*;
use crate::signalr::protocol::Protocol;

const LIMITS: OutboxLimits = OutboxLimits {
    transport_buffer: 100,
    stateful_buffer: 50,
    backlog: 300,
    process_backlog: usize::MAX,
};

fn frame(length: usize) -> Frame {
    Frame::encode(Protocol::Json, true, |out| {
        out.resize(out.len() + length, b'x');
        Ok(())
    })
    .expect("nothing to fail")
}

#[test]
fn own_messages_wait_from_the_limit_until_half_is_left() {
    let mut outbox = Outbox::new(LIMITS);
    for _ in 0..4 {
        assert!(!outbox.must_wait());
        outbox.push(frame(28));
    }
    assert!(outbox.must_wait());
    outbox.advance(60);
    assert!(
        outbox.must_wait(),
        "60 of 120 bytes are more than half of 100"
    );
    outbox.advance(30);
    assert!(!outbox.must_wait());
}

#[test]
fn what_cannot_wait_is_bounded_and_a_slow_reader_is_told_so() {
    let mut outbox = Outbox::new(LIMITS);
    assert_eq!(
        outbox.push_bounded(frame(500)),
        Ok(true),
        "an empty queue admits anything"
    );
    assert_eq!(
        outbox.push_bounded(frame(1)),
        Err(OutboxFull { backlog: 504 })
    );
}

#[test]
fn a_large_answer_is_not_held_against_what_others_send() {
    let mut outbox = Outbox::new(LIMITS);
    outbox.push(frame(1_000));
    assert_eq!(outbox.push_bounded(frame(200)), Ok(true));
    let full = OutboxFull { backlog: 204 };
    assert_eq!(outbox.push_bounded(frame(200)), Err(full));
    outbox.advance(1_004);
    assert_eq!(outbox.push_bounded(frame(50)), Ok(true), "256 bytes wait");
    let full = OutboxFull { backlog: 256 };
    assert_eq!(
        outbox.push_bounded(frame(50)),
        Err(full),
        "the answer is gone"
    );
}

#[test]
fn a_resume_sends_everything_unacknowledged_after_the_sequence_message() {
    let mut outbox = Outbox::new(LIMITS);
    outbox.enable_replay();
    for length in [1, 2, 3] {
        outbox.push(frame(length));
    }
    outbox.advance(7);
    outbox.acknowledge(1);
    let mut number = 0;
    outbox.resume(|first| {
        number = first;
        Frame::handshake(Protocol::Json, b"s")
    });
    let lengths: Vec<_> = outbox.take(1_000).iter().map(Frame::message_len).collect();
    assert_eq!((number, lengths), (2, vec![1, 2, 3]));
}

#[test]
fn nothing_follows_the_last_message() {
    let mut outbox = Outbox::new(LIMITS);
    outbox.push_last(frame(1));
    assert!(!outbox.push(frame(1)));
    assert_eq!(outbox.take(1_000).len(), 1);
}

#[test]
fn partial_writes_continue_where_they_ended() {
    let mut outbox = Outbox::new(LIMITS);
    outbox.push(frame(10));
    outbox.push(frame(10));
    outbox.advance(15);
    let mut rest = Vec::new();
    outbox.gather(&mut rest, 1_000);
    assert_eq!(rest.len(), 9);
}
