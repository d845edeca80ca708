//! One test suite that every broker passes.

use std::{collections::BTreeSet, time::Duration};

use protocol::{Epoch, RoomId, Seq, UserId};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Broadcast, Broker, Bus, Effect, Kind, Line, Signal, Status};

/// The deadline of every wait.
const SOON: Duration = Duration::from_secs(10);

struct End {
    broker: Broker,
    signals: mpsc::Receiver<Signal>,
}

impl End {
    async fn hears(&mut self) -> Broadcast {
        loop {
            let signal =
                tokio::time::timeout(SOON, self.signals.recv()).await.expect("in time").expect("open");
            if let Signal::Broadcast(broadcast) = signal {
                return broadcast;
            }
        }
    }

    async fn follows(&self, line: Line) {
        self.broker.subscribe(&BTreeSet::from([line])).await;
    }

    fn says(&self, line: Line, number: i64) {
        assert!(self.broker.publish(note(line, number)));
    }
}

fn note(line: Line, number: i64) -> Broadcast {
    let frame = format!("第 {number} 号");
    Broadcast { line, epoch: Epoch(Uuid::nil()), kind: Kind::Change(Seq(number), Effect::None), frame }
}

fn room() -> Line {
    Line::Room(RoomId(Uuid::new_v4()))
}

/// Two ends of one broker, of each kind: within the process, through one Redis, through several.
async fn pairs() -> Vec<(End, End)> {
    let bus = Bus::default();
    let memory = || {
        let (broker, signals) = Broker::memory(&bus);
        End { broker, signals }
    };
    let url =
        std::env::var("REDIS_URL").expect("REDIS_URL names the Redis to test with: see `make services`");
    let mut pairs = vec![(memory(), memory())];
    // Two links to the same Redis still count as two: each carries its own lines, over its own
    // connections.
    for urls in [url.clone(), format!("{url},{url}")] {
        let prefix = format!("test-{}", Uuid::new_v4());
        let redis = || {
            let (broker, signals) = Broker::redis(&urls, &prefix).unwrap();
            End { broker, signals }
        };
        let pair = (redis(), redis());
        for end in [&pair.0, &pair.1] {
            let up = async {
                while end.broker.status() == Status::Down {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(SOON, up).await.expect("Redis answers");
        }
        pairs.push(pair);
    }
    pairs
}

#[tokio::test]
async fn what_one_says_the_follower_and_the_sayer_hear_once_and_in_order() {
    for (mut one, mut other) in pairs().await {
        let line = room();
        one.follows(line).await;
        other.follows(line).await;
        for number in 1..=500 {
            one.says(line, number);
        }
        for number in 1..=500 {
            assert_eq!(one.hears().await, note(line, number));
            assert_eq!(other.hears().await, note(line, number));
        }
    }
}

#[tokio::test]
async fn a_topic_that_is_not_followed_is_not_heard() {
    for (one, mut other) in pairs().await {
        let (here, there) = (room(), Line::Person(UserId(Uuid::new_v4())));
        other.follows(there).await;
        one.says(here, 1);
        one.says(there, 2);
        assert_eq!(other.hears().await, note(there, 2));
    }
}

#[tokio::test]
async fn a_topic_that_was_left_is_silent_and_can_be_followed_again() {
    for (one, mut other) in pairs().await {
        let (line, mark) = (room(), room());
        other.follows(line).await;
        one.says(line, 1);
        assert_eq!(other.hears().await, note(line, 1));

        other.broker.unsubscribe(&BTreeSet::from([line]));
        // The next confirmation comes after the unsubscription.
        other.follows(mark).await;
        one.says(line, 2);
        one.says(mark, 3);
        assert_eq!(other.hears().await, note(mark, 3));

        other.follows(line).await;
        one.says(line, 4);
        assert_eq!(other.hears().await, note(line, 4));
    }
}

#[tokio::test]
async fn many_topics_are_followed_at_once() {
    for (one, mut other) in pairs().await {
        let lines: BTreeSet<Line> = (0..1_500).map(|_| room()).collect();
        other.broker.subscribe(&lines).await;
        for line in &lines {
            one.says(*line, 1);
        }
        let mut heard = BTreeSet::new();
        while heard.len() < lines.len() {
            heard.insert(other.hears().await.line);
        }
        assert_eq!(heard, lines);
    }
}

#[tokio::test]
async fn a_full_queue_is_told() {
    let bus = Bus::default();
    let (one, _ears) = Broker::memory(&bus);
    let (other, mut signals) = Broker::memory(&bus);
    let line = room();
    other.subscribe(&BTreeSet::from([line])).await;
    for number in 0..=super::SIGNALS_MAX as i64 {
        assert!(one.publish(note(line, number)));
    }
    signals.recv().await;
    signals.recv().await;
    assert!(one.publish(note(line, 0)));
    let mut said = Vec::new();
    while let Ok(signal) = signals.try_recv() {
        said.push(signal);
    }
    assert!(said.contains(&Signal::Lost), "a node that missed something must know");
}
