//! What the fault test lets a node do wrong on purpose. No setting reaches this: the server's own `main` never fills it in,
//! only the crate `faults` does, in a program of its own.
//!
//! The hooks are in [`Node::publish`](super::Node), in [`super::check`] and [`super::deliver`], and in `chat::messages`.

use std::{sync::Arc, time::Duration};

use protocol::{Nonce, Seq};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Node;
use crate::broker::{Broadcast, Effect, Kind};

/// Broadcasts that wait to be spoilt, at most.
const WAITING_MAX: usize = 16_384;

/// Test only: what goes wrong. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sabotage {
    /// This share of what is published is dropped.
    pub drop_share: f64,
    /// What is published is held back for a random time up to this, each by itself: the order changes.
    pub delay_max: Duration,
    /// This share of what is published is published twice: harmless.
    pub repeat_share: f64,
    /// This share of the changes is published a second time as the change after it: not harmless.
    pub double_share: f64,
    /// Holes are not repaired, and the heads of lines are not compared.
    pub no_repair: bool,
    /// Stores sends under a fresh nonce, so that a repeat is not recognised.
    pub forget_nonces: bool,
    /// Jobs that are due are crossed off, and not done.
    pub forget_jobs: bool,
    /// How far the node's clock is wrong.
    pub clock_offset_ms: i64,
}

impl Sabotage {
    /// The nonce under which a send is stored.
    #[must_use]
    pub fn nonce(&self, nonce: Nonce) -> Nonce {
        if self.forget_nonces { Nonce(Uuid::new_v4()) } else { nonce }
    }

    /// Whether numbers are published that the database does not know, which is then no sign that it went back.
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

    /// The queue that leads what is published through [`run`], if something is to be spoilt.
    pub(super) fn detour(&self) -> (Option<mpsc::Sender<Broadcast>>, Option<mpsc::Receiver<Broadcast>>) {
        if !self.spoils_publishing() {
            return (None, None);
        }
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Some(sender), Some(receiver))
    }
}

/// Publishes what comes, spoilt.
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
