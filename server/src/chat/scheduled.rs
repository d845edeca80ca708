//! Scheduled messages.
//!
//! Law: a scheduled message is sent exactly once, whatever fails. Its nonce is fixed when it is
//! scheduled, so sending it again finds the first one. Rights are checked when it is sent; if it is
//! refused, its author gets a failed message that keeps its text.

use std::sync::Arc;

use protocol::{
    Attached, Body, Change, ErrorCode, Line, Millis, Nonce, Placement, Refusal, Reply, Retry, RoomId,
    Scheduled, Seq, SessionId, UserId,
};
use uuid::Uuid;

use super::{Context, Error, messages};
use crate::{
    account::Viewer,
    node::Node,
    store::{jobs::Job, scheduled::DueMessage},
};

/// Schedules a message.
///
/// # Errors
/// Those of the text, as for a message; `RoomUnknown`, `ScheduledFull`, `TimeInvalid`; or when the
/// database fails.
pub async fn schedule(
    cx: &Context,
    room: RoomId,
    nonce: Nonce,
    body: &str,
    at: Millis,
) -> Result<Reply, Error> {
    let body = Body::parse(body)?.into_string();
    answer(cx, cx.node.store.schedule(cx.viewer.user.id, (room, nonce), &body, at).await?)
}

/// Changes the text and time of a scheduled message.
///
/// # Errors
/// Those of the text; `ScheduledUnknown`, `ScheduledSent`, `EditedMeanwhile`, `TimeInvalid`; or
/// when the database fails.
pub async fn reschedule(
    cx: &Context,
    nonce: Nonce,
    rev: Seq,
    body: &str,
    at: Millis,
) -> Result<Reply, Error> {
    let body = Body::parse(body)?.into_string();
    answer(cx, cx.node.store.reschedule(cx.viewer.user.id, (nonce, rev), &body, at).await?)
}

/// Deletes a scheduled message.
///
/// # Errors
/// `ScheduledUnknown`, `ScheduledSent`; or when the database fails.
pub async fn unschedule(cx: &Context, nonce: Nonce) -> Result<Reply, Error> {
    answer(cx, cx.node.store.unschedule(cx.viewer.user.id, nonce).await?)
}

fn answer(cx: &Context, (scheduled, is_new): (Scheduled, bool)) -> Result<Reply, Error> {
    let me = cx.viewer.user.id;
    let (rev, change) = (scheduled.rev, Change::Scheduled { scheduled });
    if is_new {
        cx.node.publish_change(Line::Person(me), rev, change.clone(), Vec::new());
        cx.node.wake_jobs();
    }
    Ok(Reply::Changed { line: Line::Person(me), seq: rev, change })
}

/// Sends a message that is due.
///
/// # Errors
/// When it may still be sent, because the database fails or a queue is full. The job should then be
/// retried.
pub async fn send_due(node: &Arc<Node>, user: UserId, nonce: Nonce, job: &Job) -> Result<(), Error> {
    let refused = match node.store.begin_sending(user, nonce).await.map_err(Error::from) {
        Ok(None) => return Ok(node.store.finish_job(job).await?),
        Ok(Some(due)) => send(node, due).await,
        Err(error) => Err(error),
    };
    let refused = match refused {
        Ok(()) => None,
        Err(Error::Refused(refusal)) if refusal.code.retry() == Retry::Never => Some(refusal.code),
        Err(error) => return Err(error),
    };
    end(node, user, nonce, refused, Some(job)).await
}

/// Gives up a message that could not be sent because of an internal failure. Its author decides
/// what to do.
///
/// # Errors
/// When the database fails.
pub async fn give_up(node: &Node, user: UserId, nonce: Nonce) -> Result<(), Error> {
    end(node, user, nonce, Some(ErrorCode::Internal), None).await
}

async fn send(node: &Arc<Node>, due: DueMessage) -> Result<(), Error> {
    let DueMessage { author, room, nonce, body } = due;
    // No session is behind this, and no connection waits for an answer.
    let viewer = Viewer { user: author, session: SessionId(Uuid::nil()) };
    let cx = Context { node: node.clone(), viewer };
    messages::sent(room, messages::send(&cx, room, nonce, &body, Placement::default(), Attached::default())?)
        .await
        .map(drop)
}

async fn end(
    node: &Node,
    user: UserId,
    nonce: Nonce,
    refused: Option<ErrorCode>,
    job: Option<&Job>,
) -> Result<(), Error> {
    if let Some(scheduled) = node.store.end_sending(user, nonce, refused, job).await? {
        if let Some(code) = refused {
            tracing::debug!(user.id = %user, refusal = %Refusal::new(code), "a scheduled message was refused");
        }
        let rev = scheduled.rev;
        node.publish_change(Line::Person(user), rev, Change::Scheduled { scheduled }, Vec::new());
    }
    Ok(())
}
