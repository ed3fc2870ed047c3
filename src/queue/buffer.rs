//! Entries of different types, one behind the other in one block of memory.
//!
//! ```text
//!  head                                                     tail
//!   ▼                                                        ▼
//!   [&VTable][payload, in words of 8 bytes][&VTable][payload]
//! ```
//! An entry is moved into the block when it is pushed and moved out of it when it is opened: no box per
//! entry, and memory is walked in order. A payload too large or too strictly aligned goes in a box, and the
//! box is the payload.
//!
//! Invariants, on which every `unsafe` block below leans:
//! - **B1** `words[head..tail]` holds exactly `left` entries, each a header written by `push` followed by
//!   `header.words` words that hold a live payload of the type the header was made for.
//! - **B2** `head` moves past an entry before code of the user can see its payload by value, so that an
//!   unwinding cannot make the buffer drop it a second time.
//! - **B3** the block has at most `u32::MAX` words, which `head` and `left` count: an entry has at least one.

use std::{
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    ptr::{self, NonNull},
};

use super::stage::{Entry, Opened, Place, Quick, Stage};

/// Payloads above this many bytes are boxed: moving them about would cost more than the box.
const INLINE: usize = 256;

/// Words of eight bytes that an empty buffer may keep.
const KEEP: usize = 64;

/// Words that the first block has at least.
const FIRST: usize = 4;

type Word = MaybeUninit<u64>;

/// The size of a payload in words.
const fn words_of<P>() -> u32 {
    let words = size_of::<P>().div_ceil(size_of::<Word>());
    assert!(words < u32::MAX as usize, "a payload is smaller than the block that it may stand in");
    words as u32
}

const _: () = assert!(size_of::<&'static ()>() <= size_of::<Word>(), "a header fits one word");

type Open<S> =
    unsafe fn(*mut Word, &mut Place<S>, *mut S, Option<Quick<'_, '_>>) -> Opened<<S as Stage>::Exit>;

/// What the buffer knows about the type of an entry.
pub(super) struct VTable<S: Stage> {
    /// Size of the payload in words.
    words: u32,
    /// Whether the entry keeps its place until it is settled.
    keep: bool,
    /// Moves the payload out and opens it.
    open: Open<S>,
    /// Opens a duplicate and leaves the payload where it is. `Nothing`: there was none to be had.
    open_duplicate: unsafe fn(*mut Word, &mut Place<S>, *mut S) -> Opened<S::Exit>,
    /// Whether the entry has lapsed.
    lapsed: unsafe fn(*mut Word) -> Option<S::Lapse>,
    /// How often the entry has been opened, by itself; set first, if that is given.
    tried: unsafe fn(*mut Word, Option<u32>) -> u32,
    /// Moves the payload out and settles it as handled.
    settle: unsafe fn(*mut Word),
    /// Moves the payload out and gives it up for the stated cause.
    bury: unsafe fn(*mut Word, &S::Cause),
    /// Drops the payload in its place.
    drop: unsafe fn(*mut Word),
    about: fn() -> S::About,
}

impl<S: Stage> VTable<S> {
    pub(super) fn about(&self) -> S::About {
        (self.about)()
    }

    /// Whether the entry keeps its place until it is settled.
    #[inline]
    pub(super) const fn keeps(&self) -> bool {
        self.keep
    }
}

/// The table of one entry type, as it stands in the block: the payload itself, or the box it is in.
struct Inline<T>(PhantomData<T>);
struct Boxed<T>(PhantomData<T>);

impl<T> Inline<T> {
    const FITS: bool = size_of::<T>() <= INLINE && align_of::<T>() <= align_of::<Word>();

    fn table<S: Stage>() -> &'static VTable<S>
    where
        T: Entry<S>,
    {
        // (What only an entry that keeps its place needs is compiled for those alone.)
        // SAFETY (of each function below): it is called with the address of a live `T` written by `push`
        // with this very table (B1), aligned to a word, which is enough for `T` (`FITS`). Those that move
        // the payload out are called once, after `head` has moved past it (B2).
        const {
            &VTable {
                words: words_of::<T>(),
                keep: T::KEEP,
                // SAFETY: as above.
                open: |at, place, state, quick| unsafe {
                    place.open(at.cast::<T>().read(), false, state, quick)
                },
                open_duplicate: if T::KEEP {
                    // SAFETY: as above; the reference ends with this call.
                    |at, place, state| match unsafe { (*at.cast::<T>()).duplicate() } {
                        // SAFETY: passed on from the caller of `Buffer::open`.
                        Some(copy) => unsafe { place.open(copy, true, state, None) },
                        None => Opened::Nothing,
                    }
                } else {
                    |_, _, _| Opened::Nothing
                },
                // SAFETY: as above; the reference ends with this call.
                lapsed: |at| unsafe { &*at.cast::<T>() }.lapsed(),
                tried: if T::KEEP {
                    // SAFETY: as above; the reference ends with this call.
                    |at, set| tried(unsafe { &mut *at.cast::<T>() }, set)
                } else {
                    |_, _| 0
                },
                // SAFETY: as above.
                settle: if T::KEEP { |at| unsafe { at.cast::<T>().read() }.settle() } else { drop_at::<T> },
                // SAFETY: as above.
                bury: |at, cause| unsafe { at.cast::<T>().read() }.bury(cause),
                drop: drop_at::<T>,
                about: T::about,
            }
        }
    }
}

impl<T> Boxed<T> {
    fn table<S: Stage>() -> &'static VTable<S>
    where
        T: Entry<S>,
    {
        // SAFETY (of each function below): as in `Inline`, for a live `Box<T>`.
        const {
            &VTable {
                words: words_of::<Box<T>>(),
                keep: T::KEEP,
                // SAFETY: as above.
                open: |at, place, state, quick| unsafe {
                    place.open(*at.cast::<Box<T>>().read(), false, state, quick)
                },
                open_duplicate: if T::KEEP {
                    // SAFETY: as above; the reference ends with this call.
                    |at, place, state| match unsafe { (*at.cast::<Box<T>>()).duplicate() } {
                        // SAFETY: passed on from the caller of `Buffer::open`.
                        Some(copy) => unsafe { place.open(copy, true, state, None) },
                        None => Opened::Nothing,
                    }
                } else {
                    |_, _, _| Opened::Nothing
                },
                // SAFETY: as above; the reference ends with this call.
                lapsed: |at| unsafe { &*at.cast::<Box<T>>() }.lapsed(),
                tried: if T::KEEP {
                    // SAFETY: as above; the reference ends with this call.
                    |at, set| tried(&mut **unsafe { &mut *at.cast::<Box<T>>() }, set)
                } else {
                    |_, _| 0
                },
                settle: if T::KEEP {
                    // SAFETY: as above.
                    |at| unsafe { at.cast::<Box<T>>().read() }.settle()
                } else {
                    drop_at::<Box<T>>
                },
                // SAFETY: as above.
                bury: |at, cause| unsafe { at.cast::<Box<T>>().read() }.bury(cause),
                drop: drop_at::<Box<T>>,
                about: T::about,
            }
        }
    }
}

/// # Safety
/// A live `P` stands there, and nobody uses it any more.
unsafe fn drop_at<P>(at: *mut Word) {
    // SAFETY: not moved out but dropped where it stands, once (caller).
    unsafe { ptr::drop_in_place(at.cast::<P>()) };
}

fn tried<S: Stage, T: Entry<S>>(entry: &mut T, set: Option<u32>) -> u32 {
    let Some(tried) = entry.tried() else { return 0 };
    *tried = set.unwrap_or(*tried);
    *tried
}

/// A vector of words that counts them in 32 bits.
///
/// - **B4** `at`, `len` and `capacity` are the parts of a vector that nobody else has.
struct Block {
    at: NonNull<Word>,
    len: u32,
    capacity: u32,
}

// SAFETY: it owns its words, as the vector does that it is made of (B4), and a word alone is `Send` and `Sync`.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    const fn new() -> Self {
        Self { at: NonNull::dangling(), len: 0, capacity: 0 }
    }

    /// Has something done to it as to a vector, which must not come to more than `u32::MAX` words.
    fn as_vec<R>(&mut self, f: impl FnOnce(&mut Vec<Word>) -> R) -> R {
        // SAFETY: B4. Should `f` panic, which it does only in place of a growth, the vector is forgotten, and the
        // parts are as they were.
        let mut words = ManuallyDrop::new(unsafe {
            Vec::from_raw_parts(self.at.as_ptr(), self.len as usize, self.capacity as usize)
        });
        let done = f(&mut words);
        self.at = NonNull::new(words.as_mut_ptr()).expect("a vector's block is somewhere");
        self.len = words.len() as u32;
        self.capacity = words.capacity() as u32;
        done
    }

    /// Makes room for so many more words.
    ///
    /// # Panics
    /// At 16 GiB of entries in one buffer (B3). Nothing has been changed then.
    #[inline]
    fn reserve(&mut self, more: usize) {
        if ((self.capacity - self.len) as usize) < more {
            self.grow(more);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) {
        if self.capacity == 0 {
            // By itself, because every actor comes by here, and to ask for a block is less work than for a larger one.
            let mut words = ManuallyDrop::new(Vec::<Word>::with_capacity(more.max(FIRST)));
            self.at = NonNull::new(words.as_mut_ptr()).expect("a vector's block is somewhere");
            self.capacity = words.capacity() as u32;
            return;
        }
        self.as_vec(|words| {
            // A vector may grow to twice that by itself.
            assert!(words.len() + more <= (u32::MAX / 2) as usize, "a mailbox holds less than 16 GiB");
            words.reserve(more);
        });
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: B4, and this is the end of it.
        drop(unsafe { Vec::from_raw_parts(self.at.as_ptr(), 0, self.capacity as usize) });
    }
}

/// The table of an entry of this type.
#[inline]
pub(super) fn table<S: Stage, T: Entry<S>>() -> &'static VTable<S> {
    if Inline::<T>::FITS { Inline::<T>::table() } else { Boxed::<T>::table() }
}

/// A first-in, first-out block of entries.
pub(super) struct Buffer<S: Stage> {
    /// The block; its length is the tail.
    words: Block,
    head: u32,
    left: u32,
    /// The buffer owns entries of types it does not name. All of them are `Send` (bound of `Entry`), and
    /// through a shared buffer none can be reached: it is `Send` and `Sync` by right.
    owns: PhantomData<fn(S)>,
}

impl<S: Stage> Buffer<S> {
    pub(super) const fn new() -> Self {
        Self { words: Block::new(), head: 0, left: 0, owns: PhantomData }
    }

    /// The number of entries.
    #[inline]
    pub(super) const fn left(&self) -> usize {
        self.left as usize
    }

    /// Appends an entry.
    #[inline]
    pub(super) fn push<T: Entry<S>>(&mut self, entry: T) {
        if Inline::<T>::FITS {
            // SAFETY: the table is the one for a payload of `T` that fits.
            unsafe { self.append(Inline::<T>::table::<S>(), entry) }
        } else {
            // SAFETY: the table is the one for a payload of `Box<T>`.
            unsafe { self.append(Boxed::<T>::table::<S>(), Box::new(entry)) }
        }
    }

    /// # Safety
    /// `table` is the table of `P`, and `P` fits `table.words` words and their alignment.
    #[inline]
    unsafe fn append<P>(&mut self, table: &'static VTable<S>, payload: P) {
        let total = 1 + size_of::<P>().div_ceil(size_of::<Word>());
        self.words.reserve(total);
        let tail = self.words.len as usize;
        // SAFETY: there is room for `total` words at `tail`. A header fits a word (asserted above), a
        // payload fits the words behind it (caller). The block is of `MaybeUninit`, so growing the length
        // over words of which some bytes stay unwritten is sound.
        unsafe {
            let at = self.words.at.as_ptr().add(tail);
            at.cast::<&'static VTable<S>>().write(table);
            at.add(1).cast::<P>().write(payload);
        }
        self.words.len += total as u32;
        self.left += 1;
    }

    #[inline]
    fn front(&mut self) -> Option<(&'static VTable<S>, *mut Word)> {
        if self.left == 0 {
            return None;
        }
        // SAFETY: `left > 0`, so by B1 a header stands at `head` with its payload behind it.
        unsafe {
            let at = self.words.at.as_ptr().add(self.head as usize);
            Some((at.cast::<&'static VTable<S>>().read(), at.add(1)))
        }
    }

    /// Moves `head` past the front entry, whose payload now belongs to the caller. The bytes stay until the
    /// next `push` or `tidy`.
    #[inline]
    fn pass(&mut self, table: &VTable<S>) {
        self.head += 1 + table.words;
        self.left -= 1;
    }

    /// The table of the front entry's type.
    #[inline]
    pub(super) fn front_table(&mut self) -> Option<&'static VTable<S>> {
        self.front().map(|(table, _)| table)
    }

    /// What type the front entry is of.
    pub(super) fn front_about(&mut self) -> Option<S::About> {
        self.front().map(|(table, _)| (table.about)())
    }

    /// Whether, and how, the front entry has lapsed.
    pub(super) fn front_lapsed(&mut self) -> Option<S::Lapse> {
        let (table, payload) = self.front()?;
        // SAFETY: B1; the payload stays in its place.
        unsafe { (table.lapsed)(payload) }
    }

    /// How often the front entry had been opened before, as it says itself.
    pub(super) fn front_tried(&mut self) -> u32 {
        // SAFETY: B1; the payload stays in its place.
        self.front().map_or(0, |(table, payload)| unsafe { (table.tried)(payload, None) })
    }

    /// Has the front entry say that it has been opened so often.
    pub(super) fn set_front_tried(&mut self, times: u32) {
        if let Some((table, payload)) = self.front() {
            // SAFETY: B1; the payload stays in its place.
            unsafe { (table.tried)(payload, Some(times)) };
        }
    }

    /// Opens a duplicate of the front entry into `place`; the entry stays. `Nothing`: there was none to be had.
    ///
    /// # Safety
    /// As for [`Place::open`].
    #[inline]
    pub(super) unsafe fn open_duplicate(&mut self, place: &mut Place<S>, state: *mut S) -> Opened<S::Exit> {
        let Some((table, payload)) = self.front() else { return Opened::Empty };
        // SAFETY: B1; the payload stays live in its place whatever the call does. The call cannot reach this
        // buffer, so the block does not move under it. The rest is the caller's.
        unsafe { (table.open_duplicate)(payload, place, state) }
    }

    /// Takes the front entry, which is of this table's type, and opens it into `place`.
    ///
    /// # Safety
    /// `table` has just come from [`front_table`](Self::front_table). The rest is as for [`Place::open`].
    #[inline]
    pub(super) unsafe fn open(
        &mut self,
        table: &VTable<S>,
        place: &mut Place<S>,
        state: *mut S,
        quick: Option<Quick<'_, '_>>,
    ) -> Opened<S::Exit> {
        // SAFETY: there is a front entry, or it would have no table (caller), and its payload is behind its header.
        let payload = unsafe { self.words.at.as_ptr().add(self.head as usize + 1) };
        self.pass(table);
        // SAFETY: B1 and, `head` having moved, B2: the payload is moved out here and nowhere else. The call
        // cannot reach this buffer, so the block does not move under it. The rest is the caller's.
        unsafe { (table.open)(payload, place, state, quick) }
    }

    /// Settles the front entry as handled.
    pub(super) fn settle(&mut self) {
        if let Some((table, payload)) = self.front() {
            self.pass(table);
            // SAFETY: B1 and B2, as in `open`.
            unsafe { (table.settle)(payload) }
        }
    }

    /// Gives up the front entry. Returns false when there is none.
    pub(super) fn bury(&mut self, cause: &S::Cause) -> bool {
        let Some((table, payload)) = self.front() else { return false };
        self.pass(table);
        // SAFETY: B1 and B2, as in `open`.
        unsafe { (table.bury)(payload, cause) };
        true
    }

    /// Moves the front entry to the end of `to`.
    pub(super) fn move_to(&mut self, to: &mut Self) {
        let Some((table, _)) = self.front() else { return };
        // The words of one entry, header and payload (B1), copied as they are; `pass` makes that a move.
        let words = 1 + table.words as usize;
        to.words.reserve(words);
        // SAFETY: the words of the front entry, and as much room in another block; no reference is made to either.
        unsafe {
            let from = self.words.at.as_ptr().add(self.head as usize);
            from.copy_to_nonoverlapping(to.words.at.as_ptr().add(to.words.len as usize), words);
        }
        to.words.len += words as u32;
        to.left += 1;
        self.pass(table);
        self.tidy();
        // Entries that are taken out one at a time while others come in must not leave a growing gap.
        let head = self.head as usize;
        if head > KEEP && self.head > self.words.len / 2 {
            self.words.as_vec(|words| drop(words.drain(..head)));
            self.head = 0;
        }
    }

    /// Moves all entries of `other` before its own, in their order.
    pub(super) fn prepend(&mut self, other: &mut Self) {
        // Words of whole entries (B1), copied as they are; emptying `other` makes that a move.
        let (head, from) = (self.head as usize, other.head as usize);
        let moved = (other.words.len - other.head) as usize;
        self.words.reserve(moved.saturating_sub(head));
        self.head = other.words.as_vec(|other| {
            self.words.as_vec(|words| {
                let moved = &other[from..];
                let start = head.saturating_sub(moved.len());
                words.splice(start..head, moved.iter().copied());
                start as u32
            })
        });
        self.left += other.left;
        other.left = 0;
        other.tidy();
    }

    /// Starts anew at the beginning of the block when nothing is left in it.
    #[inline]
    pub(super) fn tidy(&mut self) {
        if self.left == 0 {
            self.words.len = 0;
            self.head = 0;
        }
    }

    /// Words of memory held.
    #[cfg(test)]
    pub(super) const fn held(&self) -> usize {
        self.words.capacity as usize
    }

    /// Whether it holds a larger block than an idle mailbox should.
    #[inline]
    pub(super) const fn is_large(&self) -> bool {
        self.words.capacity as usize > KEEP
    }

    /// Whether it is empty, and holds no such block.
    #[inline]
    pub(super) const fn is_quiet(&self) -> bool {
        self.left == 0 && !self.is_large()
    }

    /// Gives such a block back.
    pub(super) fn shrink(&mut self) {
        if self.left == 0 && self.is_large() {
            self.words = Block::new();
            self.head = 0;
        }
    }
}

impl<S: Stage> Drop for Buffer<S> {
    #[inline]
    fn drop(&mut self) {
        // That of an actor that has ended holds nothing.
        if self.left > 0 {
            self.drop_left();
        }
    }
}

impl<S: Stage> Buffer<S> {
    #[cold]
    #[inline(never)]
    fn drop_left(&mut self) {
        /// Drops what is left, also when it is itself dropped by a panic out of one entry's drop. (A second
        /// panic aborts, as everywhere.)
        struct Rest<'a, S: Stage>(&'a mut Buffer<S>);

        impl<S: Stage> Drop for Rest<'_, S> {
            fn drop(&mut self) {
                while let Some((table, payload)) = self.0.front() {
                    let next = Rest(&mut *self.0);
                    next.0.pass(table);
                    // SAFETY: B1 and B2, as in `open`.
                    unsafe { (table.drop)(payload) }
                    std::mem::forget(next);
                }
            }
        }

        drop(Rest(self));
    }
}
