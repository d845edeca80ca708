//! Deliberate faults for the fault test. No setting enables this: only the crate `faults` does, in
//! its own program; the server's `main` never does.
//!
//! The hooks are in [`Node::publish`](super::Node), in [`super::check`] and [`super::deliver`], and
//! in `chat::messages`.

use std::{sync::Arc, time::Duration};

use protocol::{Nonce, Seq};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Node;
use crate::broker::{Broadcast, Effect, Kind};

/// The most broadcasts that wait to be corrupted.
const WAITING_MAX: usize = 16_384;

/// Test only: deliberate faults. The default is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sabotage {
    /// The share of broadcasts that is dropped.
    pub drop_share: f64,
    /// Each broadcast is delayed by a random time up to this, which changes their order.
    pub delay_max: Duration,
    /// The share of broadcasts that is published twice: harmless.
    pub repeat_share: f64,
    /// The share of changes that is published again under the next number: not harmless.
    pub double_share: f64,
    /// Gaps are not repaired, and the heads of lines are not compared.
    pub no_repair: bool,
    /// Stores sends under a fresh nonce, so that a repeat is not recognised.
    pub forget_nonces: bool,
    /// Due jobs are deleted without being run.
    pub forget_jobs: bool,
    /// The error of the node's clock.
    pub clock_offset_ms: i64,
}

impl Sabotage {
    /// The nonce under which a send is stored.
    #[must_use]
    pub fn nonce(&self, nonce: Nonce) -> Nonce {
        if self.forget_nonces { Nonce(Uuid::new_v4()) } else { nonce }
    }

    /// Whether numbers are published that are not in the database. Such a number is then no sign
    /// that the database went back.
    pub(super) fn invents_numbers(&self) -> bool {
        self.double_share > 0.0
    }

    /// Whether [`run`] stands between the node and its broker.
    fn spoils_publishing(&self) -> bool {
        self.drop_share > 0.0
            || self.repeat_share > 0.0
            || self.double_share > 0.0
            || self.delay_max > Duration::ZERO
    }

    /// The queue into [`run`], if broadcasts are to be corrupted.
    pub(super) fn detour(&self) -> (Option<mpsc::Sender<Broadcast>>, Option<mpsc::Receiver<Broadcast>>) {
        if !self.spoils_publishing() {
            return (None, None);
        }
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Some(sender), Some(receiver))
    }
}

/// Publishes broadcasts with faults.
pub(super) async fn run(node: Arc<Node>, mut queue: mpsc::Receiver<Broadcast>) {
    while let Some(broadcast) = queue.recv().await {
        let sabotage = &node.tuning.sabotage;
        let happens = |share: f64| share > 0.0 && rand::random_bool(share.min(1.0));
        if happens(sabotage.drop_share) {
            continue;
        }
        if happens(sabotage.repeat_share) {
            publish_late(&node, broadcast.clone());
        }
        if let Kind::Change(seq, effect) = broadcast.kind
            && happens(sabotage.double_share)
        {
            publish_late(&node, renumbered(&broadcast, seq.next(), effect));
        }
        publish_late(&node, broadcast);
    }
}

/// The same change under another number, in the header and in the frame.
fn renumbered(broadcast: &Broadcast, seq: Seq, effect: Effect) -> Broadcast {
    let frame = broadcast.frame.replacen(&format!("\"seq\":{}", seq.0 - 1), &format!("\"seq\":{}", seq.0), 1);
    Broadcast { kind: Kind::Change(seq, effect), frame, ..broadcast.clone() }
}

fn publish_late(node: &Arc<Node>, broadcast: Broadcast) {
    let delay_max = node.tuning.sabotage.delay_max;
    let late = node.clone();
    let publish = move || {
        if !late.broker.publish(broadcast) {
            tracing::warn!("the queue to the broker is full");
        }
    };
    if delay_max.is_zero() {
        publish();
    } else {
        let delay = delay_max.mul_f64(rand::random());
        node.spawn(async move {
            tokio::time::sleep(delay).await;
            publish();
        });
    }
}
