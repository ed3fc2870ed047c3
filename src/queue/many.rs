//! Several entries under one lock: the producers' side for whoever has more than one to send.
//!
//! A run of entries is queued as if each had been pushed by itself with nobody in between: in order, within the
//! bound, none past a sender that waits for room, and none after the close. The consumer is woken once.
//!
//! What does not fit stays where it is, at the front of the caller's own queue, so nothing has to be handed back.
//! There is no way to wait here: whoever has to waits with one entry ([`Mailbox::push_or_wait`]), as everybody
//! else does, and sends the next run when that one is in. So a run holds one place in the line at a time, and
//! takes turns with the others there.

use std::collections::VecDeque;

use super::{
    mailbox::{Back, Mailbox, Pushed, Refused},
    stage::{Entry, Stage},
    sync::atomic::Ordering,
};

impl<S: Stage> Mailbox<S> {
    /// Queues as many of `from` as there is room for, from its front, and leaves it to the caller to get a parked
    /// consumer to run. Refused: none of them was queued, for the reason for which the first would have been
    /// refused by itself.
    ///
    /// `from` must not be empty. `entry` makes an entry of what waits there. It runs under the lock, so it must
    /// be a plain move: no code of the user's, nothing that can panic.
    pub(crate) fn push_many<M, T: Entry<S>>(
        &self,
        from: &mut VecDeque<M>,
        entry: impl Fn(M) -> T,
    ) -> Result<Pushed<'_, S>, Refused<()>> {
        let mut back = self.back.lock();
        if back.closed {
            return Err(Refused::Closed(()));
        }
        // Those in the line come first, as in `push`.
        let fits = if back.waiters.any_waiting() { 0 } else { self.room_for(&mut back, from.len()) };
        // All but the last are appended here, and the last one as any other entry is: there the run state is
        // looked at, when all of them are in. So a consumer that was parked finds all of them, and one that
        // swaps or closes meanwhile has come before all of them or comes after.
        for next in (1..fits).map_while(|_| from.pop_front()) {
            if T::URGENT {
                back.push_urgent(entry(next));
            } else {
                back.buffer.push(entry(next));
            }
            back.accepted += 1;
            back.free = back.free.saturating_sub(1);
        }
        match if fits > 0 { from.pop_front() } else { None } {
            Some(last) => Ok(self.append_quietly(back, entry(last))),
            None if back.aside.is_some() => Err(Refused::Overflow(())),
            None => Err(Refused::Full(())),
        }
    }

    /// How many entries fit, `wanted` at most.
    fn room_for(&self, back: &mut Back<S>, wanted: usize) -> usize {
        let taken = back.buffer.left() + back.waiters.granted();
        if taken + back.front_seen + wanted > self.capacity() {
            // Relaxed: as in `room`. An old figure is too high, never too low.
            back.front_seen = (self.front_left.load(Ordering::Relaxed) >> 1) + back.beside();
        }
        // It may be over its capacity by one: an entry that was put aside takes a place again.
        self.capacity().saturating_sub(taken + back.front_seen).min(wanted)
    }
}
