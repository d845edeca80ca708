#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod command;
mod error;
mod event;
mod file;
mod frame;
mod id;
pub mod limits;
mod line;
mod link;
mod model;
mod page;
mod personal;
mod poll;
mod reply;
pub mod rights;
mod text;
mod zone;

pub use command::{Attached, Command, Direction, FoundAfter, Placement, RoomsAfter, ThreadsAfter};
pub use error::{CloseCode, ErrorCode, Refusal, Retry};
pub use event::{Change, Event};
pub use file::{Attachment, File, Picture, PictureSize, file_name};
pub use frame::{ClientFrame, ServerFrame};
pub use id::{Epoch, FileId, InvitationId, MessageId, Nonce, PictureId, RoomId, Seq, SessionId, UserId};
pub use line::Line;
pub use link::{LinkPicture, LinkPreview, foreign_line};
pub use model::{
    ChannelListing, Forward, Hit, InThread, Marks, Member, Mention, Message, Millis, Piece, Pin, Reaction,
    Replies, Room, RoomKind, RoomSummary, RoomView, Thread, ThreadAuthor, User, UserReaction, Version,
};
pub use page::{
    Density, FormName, FormState, InvitationView, JobView, Language, ListSection, Page, PageContent, Pane,
    PersonView, SessionView, ShownHits, ShownPage, ShownThread, SignedIn, Theme, WhoMaySignUp,
};
pub use personal::{Draft, Following, InGroup, Saved, Scheduled, Unread};
pub use poll::{NewPoll, Poll, Vote};
pub use reply::Reply;
pub use rights::{Policy, Rights, Role, WorkspaceRole};
pub use text::{
    Body, DisplayName, Emoji, Handle, Password, PersonTitle, Pronouns, RoomTitle, RoomTopic, ZoneName,
    draft_text, shows_nothing,
};
pub use zone::Zone;

/// The protocol version. A browser sends it in `hello`; other versions are refused with
/// [`ErrorCode::VersionUnsupported`] and the page offers a reload.
pub const VERSION: u16 = 2;
