//! The routing table: command → chat function → reply.

use protocol::{
    Attached, Command, ErrorCode, Nonce, Placement, Policy, Refusal, Reply, RoomId, RoomSummary, VERSION,
    limits::PING_MS,
};

use crate::{
    broker::{Effect, Line},
    chat::{
        self, Context, Error, drafts, groups, messages, pins, polls, previews, profile, reading, rights,
        rooms, saved, scheduled, search, threads,
    },
    hub::ConnectionId,
};

/// Runs one command and returns its one answer.
///
/// # Errors
/// The refusal for the browser. Internal failures are logged here.
pub(super) async fn dispatch(
    cx: &Context,
    connection: ConnectionId,
    command: Command,
) -> Result<Reply, Refusal> {
    let name = command.name();
    let is_deadlock = |error: &Error| {
        let is_deadlock = matches!(error, Error::Store(error) if error.is_deadlock());
        if is_deadlock {
            tracing::debug!(command = name, "is tried again: two transactions waited for each other");
        }
        is_deadlock
    };
    // Every command may be repeated.
    let done = chat::retry_deadlocks(is_deadlock, || route(cx, connection, command.clone())).await;
    done.map_err(|error| told(&error))
}

/// Sends a message, and returns a future that waits for the answer: see [`messages::send`]. It
/// contains no database future.
pub(super) fn dispatch_send(
    cx: &Context,
    room: RoomId,
    nonce: Nonce,
    body: &str,
    placement: Placement,
    attached: Attached,
) -> impl Future<Output = Result<Reply, Refusal>> + use<> {
    let written = messages::send(cx, room, nonce, body, placement, attached);
    async move {
        match written {
            Ok(written) => messages::sent(room, written).await.map_err(|error| told(&error)),
            Err(error) => Err(told(&error)),
        }
    }
}

/// Converts an error to the refusal for the browser; logs internal failures.
fn told(error: &Error) -> Refusal {
    match error {
        Error::Refused(refusal) => tracing::debug!(code = u16::from(refusal.code), "refused"),
        Error::Store(failure) => tracing::error!(error = %failure, "a command failed"),
    }
    error.refusal()
}

async fn route(cx: &Context, connection: ConnectionId, command: Command) -> Result<Reply, Error> {
    // The connection that asked for a room follows it at once: while the broker is down, no
    // broadcast would tell it to.
    let admitted = async |summary: Result<RoomSummary, Error>| {
        let summary = summary?;
        cx.node.admit(connection, cx.viewer.user.id, &[summary.room.id]).await?;
        let people = cx.node.people_of([&summary]).await?;
        Ok(Reply::Room { summary: Box::new(summary), people })
    };
    match command {
        Command::Hello { version } if version != VERSION => {
            let refusal = Refusal::new(ErrorCode::VersionUnsupported);
            Err(refusal.detail(format!("this server speaks version {VERSION}")).into())
        }
        Command::Hello { .. } => chat::hello(cx, connection, PING_MS).await,
        Command::Ping {} => Ok(Reply::Pong {}),
        Command::Open { room } => Ok(Reply::View { view: Box::new(rooms::view(cx, room).await?) }),
        Command::ListRooms { after } => rooms::list(cx, after).await,
        Command::CompareRooms { known } => rooms::compare(cx, &known).await,
        Command::CatchUp { line, after } => {
            let reply = messages::catch_up(cx, line, after).await?;
            follow_told(cx, connection, &reply).await?;
            Ok(reply)
        }
        Command::History { room, direction, seq } => messages::history(cx, room, direction, seq).await,
        Command::Around { room, seq } => messages::around(cx, room, seq).await,
        Command::Previews { room, seqs } => messages::previews(cx, room, &seqs).await,
        Command::Send { room, nonce, body, reply_to, thread, in_room, forward, poll, files } => {
            let placement = Placement { reply_to, thread, in_room, forward };
            messages::sent(room, messages::send(cx, room, nonce, &body, placement, Attached { poll, files })?)
                .await
        }
        Command::Thread { room, root, before } => threads::thread(cx, room, root, before).await,
        Command::Search { query, room, zone, after } => search::search(cx, &query, room, &zone, after).await,
        Command::Threads { room, after } => threads::list(cx, room, after).await,
        Command::Follow { room, root, on } => threads::follow(cx, room, root, on).await,
        Command::Edit { room, seq, edits, body } => messages::edit(cx, room, seq, edits, &body).await,
        Command::Versions { room, seq } => messages::versions(cx, room, seq).await,
        Command::Delete { room, seq } => messages::delete(cx, room, seq).await,
        Command::React { room, seq, emoji, on } => messages::react(cx, room, seq, &emoji, on).await,
        Command::Vote { room, seq, choices } => polls::vote(cx, room, seq, choices).await,
        Command::ClosePoll { room, seq } => polls::close(cx, room, seq).await,
        Command::Voters { room, seq, option, after } => polls::voters(cx, (room, seq), option, after).await,
        Command::RemovePreviews { room, seq, urls } => previews::remove(cx, room, seq, &urls).await,
        Command::Delivered { room, seq } => reading::delivered(cx, connection, room, seq),
        Command::Read { room, seq } => reading::read(cx, connection, room, seq),
        Command::MarkUnread { room, seq } => reading::mark_unread(cx, room, seq).await,
        Command::ReadOn { room, rev } => reading::read_on(cx, room, rev).await,
        Command::Draft { room, thread, base, body } => drafts::keep(cx, (room, thread), base, &body).await,
        Command::FindUsers { query } => rooms::find_users(cx, &query).await,
        Command::StartDirect { user } => admitted(rooms::start_direct(cx, user).await).await,
        Command::CreateRoom { nonce, kind, title, topic } => {
            admitted(rooms::create(cx, nonce, kind, &title, &topic).await).await
        }
        Command::FindChannels { query } => rooms::find_channels(cx, &query).await,
        Command::Join { room } => admitted(rooms::join(cx, room).await).await,
        Command::Leave { room } => rooms::leave(cx, room).await,
        Command::Invite { room, users } => rooms::invite(cx, room, &users).await,
        Command::SetRole { room, user, role } => rights::set_role(cx, room, user, role).await,
        Command::Remove { room, user, ban } => rights::remove(cx, room, user, ban).await,
        Command::Unban { room, user } => rights::unban(cx, room, user).await,
        Command::Banned { room } => rights::banned(cx, room).await,
        Command::SetPolicy { room, post, invite, pin, mention } => {
            rights::set_policy(cx, room, Policy { post, invite, pin, mention }).await
        }
        Command::Archive { room, on } => rights::archive(cx, room, on).await,
        Command::DeleteRoom { room } => rights::delete(cx, room).await,
        Command::SetRoom { room, title, topic } => rooms::set(cx, room, &title, &topic).await,
        Command::Members { room, query, after } => rooms::members(cx, room, &query, after).await,
        Command::Pin { room, seq, on } => pins::pin(cx, room, seq, on).await,
        Command::Pinned { room } => pins::pinned(cx, room).await,
        Command::People { users } => rooms::people(cx, &users).await,
        Command::Profile { user } => profile::show(cx, user).await,
        Command::Groups {} => groups::list(cx).await,
        Command::Group { group, after } => groups::members(cx, group, after).await,
        Command::Save { room, seq, on } => saved::save(cx, room, seq, on).await,
        Command::Remind { room, seq, at } => saved::remind(cx, room, seq, at).await,
        Command::Personal {} => saved::personal(cx).await,
        Command::Schedule { room, nonce, body, at } => scheduled::schedule(cx, room, nonce, &body, at).await,
        Command::Reschedule { nonce, rev, body, at } => {
            scheduled::reschedule(cx, nonce, rev, &body, at).await
        }
        Command::Unschedule { nonce } => scheduled::unschedule(cx, nonce).await,
    }
}

/// A connection must follow a room before it hears of it, even through an answer to `catch_up`.
async fn follow_told(cx: &Context, connection: ConnectionId, reply: &Reply) -> Result<(), Error> {
    let Reply::Changes { line: Line::Person(user), changes, .. } = reply else { return Ok(()) };
    let (mut joined, mut left) = (Vec::new(), Vec::new());
    for (_, change) in changes {
        match Effect::of(change) {
            Effect::Joined(room) => joined.push(room),
            Effect::Left(room) => left.push(room),
            Effect::None | Effect::Sessions | Effect::Profile(_) => {}
        }
    }
    cx.node.dismiss(connection, *user, &left).await?;
    if !joined.is_empty() {
        cx.node.admit(connection, *user, &joined).await?;
    }
    Ok(())
}
