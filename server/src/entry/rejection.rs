//! Refusals as HTTP responses.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use protocol::{ErrorCode, Refusal};

/// A refusal as JSON for programs: `{"refusal":{…}}` with the status of its code.
#[derive(Clone, Debug)]
pub struct Rejection(pub Refusal);

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        #[derive(serde::Serialize)]
        struct Body {
            refusal: Refusal,
        }
        (status_of(self.0.code), Json(Body { refusal: self.0 })).into_response()
    }
}

/// The HTTP status for a refusal.
#[must_use]
pub fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::MalformedFrame
        | ErrorCode::UnknownCommand
        | ErrorCode::MalformedCommand
        | ErrorCode::NotUtf8
        | ErrorCode::HelloMissing
        | ErrorCode::HelloRepeated
        | ErrorCode::TooMuchGarbage => StatusCode::BAD_REQUEST,
        ErrorCode::FrameTooLarge | ErrorCode::FileTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::VersionUnsupported => StatusCode::UPGRADE_REQUIRED,
        ErrorCode::OriginForeign
        | ErrorCode::Forbidden
        | ErrorCode::Banned
        | ErrorCode::SignUpClosed
        | ErrorCode::AccountSuspended => StatusCode::FORBIDDEN,
        ErrorCode::NotSignedIn | ErrorCode::CredentialsWrong => StatusCode::UNAUTHORIZED,
        ErrorCode::TooManyConnections | ErrorCode::TooManyFrames | ErrorCode::SlowDown => {
            StatusCode::TOO_MANY_REQUESTS
        }
        ErrorCode::RoomUnknown
        | ErrorCode::UserUnknown
        | ErrorCode::MessageUnknown
        | ErrorCode::GroupUnknown
        | ErrorCode::FileUnknown
        | ErrorCode::ScheduledUnknown => StatusCode::NOT_FOUND,
        ErrorCode::MessageDeleted => StatusCode::GONE,
        ErrorCode::WorkspaceSpaceUsed => StatusCode::INSUFFICIENT_STORAGE,
        ErrorCode::HandleTaken
        | ErrorCode::RoomsFull
        | ErrorCode::MembersFull
        | ErrorCode::DirectRoom
        | ErrorCode::EditedMeanwhile
        | ErrorCode::NonceTaken
        | ErrorCode::ReactionsFull
        | ErrorCode::PinsFull
        | ErrorCode::RoomArchived
        | ErrorCode::TitleTaken
        | ErrorCode::SavedFull
        | ErrorCode::ScheduledFull
        | ErrorCode::ScheduledSent
        | ErrorCode::DraftsFull
        | ErrorCode::PollClosed
        | ErrorCode::GroupsFull
        | ErrorCode::GroupFull
        | ErrorCode::SpaceUsed
        | ErrorCode::LastOwner => StatusCode::CONFLICT,
        ErrorCode::TextEmpty
        | ErrorCode::TextTooLong
        | ErrorCode::TextInvalid
        | ErrorCode::EmojiInvalid
        | ErrorCode::ScriptsMixed
        | ErrorCode::MentionsTooMany
        | ErrorCode::PollInvalid
        | ErrorCode::FilesTooMany
        | ErrorCode::FilesWithPoll
        | ErrorCode::UploadInvalid
        | ErrorCode::PictureInvalid
        | ErrorCode::TimeInvalid
        | ErrorCode::FilterUnknown
        | ErrorCode::DateInvalid
        | ErrorCode::SearchTooWide
        | ErrorCode::HandleInvalid
        | ErrorCode::PasswordTooShort
        | ErrorCode::PasswordTooLong
        | ErrorCode::PasswordWrong
        | ErrorCode::PasswordLinkInvalid
        | ErrorCode::InvitationInvalid => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::Busy | ErrorCode::Internal | ErrorCode::Leaving => StatusCode::SERVICE_UNAVAILABLE,
    }
}
