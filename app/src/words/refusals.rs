//! Refusals in plain words: what happened, what it means for the user's text, and what to do.

use protocol::{ErrorCode, Refusal};

use super::Words;

impl Words {
    /// Why an action was refused.
    #[must_use]
    pub fn refusal(self, refusal: &Refusal) -> String {
        let max = refusal.max.unwrap_or_default();
        let said = match refusal.code {
            ErrorCode::MalformedFrame
            | ErrorCode::UnknownCommand
            | ErrorCode::MalformedCommand
            | ErrorCode::NotUtf8
            | ErrorCode::HelloMissing
            | ErrorCode::HelloRepeated
            | ErrorCode::TooMuchGarbage => self.refused_not_understood(),
            ErrorCode::FrameTooLarge => self.refused_frame_too_large(),
            ErrorCode::VersionUnsupported => self.refused_version(),
            ErrorCode::OriginForeign => self.refused_origin(),
            ErrorCode::NotSignedIn => self.refused_not_signed_in(),
            ErrorCode::TooManyConnections => self.refused_connections(),
            ErrorCode::TextEmpty => self.refused_empty(),
            ErrorCode::TextTooLong | ErrorCode::PasswordTooLong => return self.refused_too_long(max),
            ErrorCode::TextInvalid => return self.refused_text_invalid(&refusal.detail),
            ErrorCode::EmojiInvalid => self.refused_emoji(),
            ErrorCode::ScriptsMixed => self.refused_scripts_mixed(),
            ErrorCode::MentionsTooMany => return self.refused_mentions(max),
            ErrorCode::RoomUnknown => self.refused_room_unknown(),
            ErrorCode::Forbidden => self.refused_forbidden(),
            ErrorCode::UserUnknown if refusal.detail.starts_with('@') => {
                return self.refused_handle_unknown(&refusal.detail);
            }
            ErrorCode::UserUnknown => self.refused_user_unknown(),
            ErrorCode::RoomsFull => self.refused_rooms_full(),
            ErrorCode::MembersFull => self.refused_members_full(),
            ErrorCode::DirectRoom => self.refused_direct(),
            ErrorCode::MessageUnknown => self.refused_message_unknown(),
            ErrorCode::MessageDeleted => self.refused_message_deleted(),
            ErrorCode::EditedMeanwhile => self.refused_edited_elsewhere(),
            ErrorCode::ReactionsFull => self.refused_reactions_full(),
            ErrorCode::PinsFull => self.refused_pins_full(),
            ErrorCode::RoomArchived => self.room_archived(),
            ErrorCode::TitleTaken => self.refused_title_taken(),
            ErrorCode::Banned => self.refused_banned(),
            ErrorCode::LastOwner => self.refused_last_owner(),
            ErrorCode::NonceTaken => self.refused_nonce_taken(),
            ErrorCode::TimeInvalid => self.refused_time(),
            ErrorCode::FilterUnknown => self.refused_filter(),
            ErrorCode::DateInvalid => self.refused_date(),
            ErrorCode::SearchTooWide => self.refused_search_wide(),
            ErrorCode::PollInvalid => self.refused_poll(),
            ErrorCode::PollClosed => self.refused_poll_closed(),
            ErrorCode::FilesTooMany => return self.refused_files_many(max),
            ErrorCode::FileTooLarge => return self.refused_file_large(&max.to_string()),
            ErrorCode::FilesWithPoll => self.refused_files_poll(),
            ErrorCode::UploadInvalid => self.refused_upload(),
            ErrorCode::PictureInvalid => self.refused_picture(),
            ErrorCode::FileUnknown => self.refused_file_unknown(),
            ErrorCode::SpaceUsed => self.refused_space(),
            ErrorCode::WorkspaceSpaceUsed => self.refused_workspace_space(),
            ErrorCode::SavedFull => self.refused_saved_full(),
            ErrorCode::ScheduledFull => self.refused_scheduled_full(),
            ErrorCode::DraftsFull => self.refused_drafts_full(),
            ErrorCode::ScheduledUnknown => self.refused_scheduled_unknown(),
            ErrorCode::ScheduledSent => self.refused_scheduled_sent(),
            ErrorCode::GroupUnknown => self.refused_group_unknown(),
            ErrorCode::GroupsFull => return self.refused_groups_full(max),
            ErrorCode::GroupFull => return self.refused_group_full(max),
            ErrorCode::HandleTaken => self.refused_handle_taken(),
            ErrorCode::HandleInvalid => self.refused_handle_invalid(),
            ErrorCode::PasswordTooShort => return self.refused_password_short(max),
            ErrorCode::CredentialsWrong => self.refused_credentials(),
            ErrorCode::SignUpClosed => self.sign_up_closed(),
            ErrorCode::InvitationInvalid => self.refused_invitation(),
            ErrorCode::AccountSuspended => self.refused_suspended(),
            ErrorCode::PasswordWrong => self.refused_password_wrong(),
            ErrorCode::PasswordLinkInvalid => self.refused_password_link(),
            ErrorCode::SlowDown | ErrorCode::TooManyFrames => {
                let seconds = refusal.retry_ms.map_or(1, |ms| ms.div_ceil(1_000).max(1));
                return self.refused_slow_down(seconds);
            }
            ErrorCode::Busy => self.refused_busy(),
            ErrorCode::Internal => self.refused_internal(),
            ErrorCode::Leaving => self.refused_leaving(),
        };
        said.to_owned()
    }
}
