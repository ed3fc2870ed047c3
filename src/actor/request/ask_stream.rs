//! The replies of many asks, as a stream.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;

use super::AskAll;
use crate::{
    AskError,
    actor::{Message, accept::Accept},
};

/// With the feature `stream`. It ends once, and stays at its end.
impl<T: ?Sized + Accept<I::Item>, I: Iterator<Item: Message>> Stream for AskAll<'_, T, I> {
    type Item = Result<<I::Item as Message>::Reply, AskError<I::Item>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.msgs.as_ref().map_or((0, Some(0)), Iterator::size_hint);
        let under_way = self.under_way.len();
        (least.saturating_add(under_way), most.and_then(|most| most.checked_add(under_way)))
    }
}
