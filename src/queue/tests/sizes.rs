//! Entries and tasks of every size and alignment, side by side in one block.

use super::*;

/// An entry of `N` equal bytes; its task holds them too, and finds them whole.
#[derive(Clone)]
struct Bytes<const N: usize>([u8; N]);

/// The same, aligned more strictly than the block.
#[derive(Clone)]
#[repr(align(16))]
struct By16<const N: usize>([u8; N]);
#[derive(Clone)]
#[repr(align(64))]
struct By64<const N: usize>([u8; N]);

struct Holding<'a, B> {
    body: B,
    value: u32,
    state: &'a mut Desk,
}

trait Body: Send + Unpin + 'static {
    fn bytes(&self) -> &[u8];
}

impl<B: Body> Future for Holding<'_, B> {
    type Output = Result<(), u32>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        assert!((&raw const this.body).is_aligned(), "the task stands where its type may");
        assert!(this.body.bytes().iter().all(|byte| u32::from(*byte) == this.value), "the bytes are whole");
        this.state.handled.push(this.value);
        Poll::Ready(Ok(()))
    }
}

impl<B: Body> Task<Desk> for Holding<'_, B> {
    fn about() -> &'static str {
        "holding"
    }

    fn give_up(self: Pin<&mut Self>, _cause: &()) {}
}

macro_rules! entry {
    ($($body:ident),*) => {$(
        impl<const N: usize> Body for $body<N> {
            fn bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl<const N: usize> Entry<Desk> for $body<N> {
            const KEEP: bool = true;

            fn about() -> &'static str {
                stringify!($body)
            }

            fn open<'a>(self, _copy: bool, state: &'a mut Desk) -> Option<impl Task<Desk> + 'a> {
                let value = self.0.first().copied().map_or(N as u32, u32::from);
                Some(Holding { body: self, value, state })
            }

            fn duplicate(&mut self) -> Option<Self> {
                assert!((&raw const *self).is_aligned(), "the entry stands where its type may");
                Some(self.clone())
            }

            fn settle(self) {}

            fn bury(self, _cause: &()) {}
        }
    )*};
}
entry!(Bytes, By16, By64);

#[test]
fn entries_of_all_sizes_and_alignments_come_out_in_order_and_whole() {
    let rig = Rig::new(1024);
    for round in 0..8_u8 {
        let first = round * 20;
        rig.push(Bytes([first + 1; 1]));
        rig.push(Bytes([]));
        rig.push(Bytes([first + 2; 8]));
        rig.push(By16([first + 3; 16]));
        rig.push(Bytes([first + 4; 9]));
        rig.push(Bytes([first + 5; 256]));
        rig.push(Bytes([first + 6; 257]));
        rig.push(By64([first + 7; 64]));
        rig.push(Bytes([first + 8; 1024]));
        rig.push(Bytes([first + 9; 5000]));
        rig.push(By64([]));
    }
    let mut turn = rig.turn();
    while step(&mut turn) == Opened::Task {}
    let state = turn.replace(None).expect("the state");
    let expected = (0..8_u32)
        .flat_map(|round| [1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 0].map(|n| if n == 0 { 0 } else { round * 20 + n }));
    assert!(state.handled.iter().copied().eq(expected), "{:?}", state.handled);
    park(turn);
}

fn push_some(rig: &Rig) {
    rig.push(By16([1; 16]));
    rig.push(Bytes([2; 257]));
    rig.push(By64([3; 64]));
    rig.push(Bytes([]));
}

#[test]
fn entries_of_all_sizes_are_buried_unopened() {
    let rig = Rig::new(16);
    push_some(&rig);
    let mut turn = rig.turn();
    let buried = std::iter::from_fn(|| turn.bury_next(&()).then_some(())).count();
    assert_eq!((buried, rig.count()), (4, (0, 0)));
    park(turn);
}

#[test]
fn entries_of_all_sizes_are_freed_with_the_mailbox_from_both_buffers() {
    let rig = Rig::new(16);
    push_some(&rig);
    suspend(rig.turn());
    push_some(&rig);
    // What is lost or freed twice here, the sanitizers see.
    assert_eq!(rig.count(), (8, 0));
}

#[test]
fn scratch_grows_while_small_and_large_tasks_take_turns() {
    let rig = Rig::new(8);
    for _ in 0..3 {
        rig.push(Bytes([1; 1]));
        rig.push(Bytes([2; 200]));
        rig.push(Bytes([3; 900]));
        rig.push(Bytes([4; 4000]));
        rig.push(By64([5; 64]));
        rig.run();
    }
    let mut turn = rig.turn();
    let state = turn.replace(None).expect("the state");
    assert_eq!(state.handled, [1, 2, 3, 4, 5].repeat(3));
    park(turn);
}

#[test]
fn about_names_the_type_in_the_scratch() {
    let rig = Rig::new(8);
    rig.push(Bytes([1; 1]));
    let mut turn = rig.turn();
    assert_eq!(turn.about(), None);
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(turn.about(), Some("holding"));
    assert_eq!(poll(&mut turn), Poll::Ready(Ok(())));
    assert_eq!(turn.about(), Some("holding"), "until it is done");
    turn.done();
    assert_eq!(turn.about(), None);
    park(turn);
}

#[test]
fn what_producers_write_and_what_the_consumer_writes_lie_a_cache_line_apart() {
    use super::super::{lock::Lock, mailbox::Back};
    let back = size_of::<Lock<Back<Desk>>>();
    let quiet = back - (size_of::<Back<Desk>>() - std::mem::offset_of!(Back<Desk>, aside));
    assert!(std::mem::offset_of!(Mailbox<Desk>, front_left) - quiet >= 64);
}
