//! Drafts. Only the person's own devices are told.

use protocol::{Change, Line, Reply, RoomId, Seq};

use super::{Context, Error};

/// Stores what the viewer is writing, unless another device has written since `base`: then the answer has its text.
///
/// # Errors
/// `TextTooLong`, `RoomUnknown`, `MessageUnknown`, `DraftsFull`; or when the database fails.
pub async fn keep(cx: &Context, desk: (RoomId, Option<Seq>), base: Seq, body: &str) -> Result<Reply, Error> {
    let (me, body) = (cx.viewer.user.id, protocol::draft_text(body)?);
    let Some((draft, is_new)) = cx.node.store.keep_draft(me, desk, base, &body).await? else {
        return Ok(Reply::Done {});
    };
    let (line, seq, change) = (Line::Person(me), draft.rev, Change::Draft { draft });
    if is_new {
        cx.node.publish_change(line, seq, change.clone(), Vec::new());
    }
    Ok(Reply::Changed { line, seq, change })
}
