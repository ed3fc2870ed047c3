//! What must hold for the head of every marked method: the actor is lent, and the call borrows nothing.

use syn::{Receiver, ReceiverKind, Safety, Signature, Type};

use crate::errors::Errors;

pub(super) fn check(sig: &Signature, errors: &mut Errors) {
    for param in sig.generics.lifetimes() {
        errors.at(
            &param.lifetime,
            "a message outlives the call that sends it, so it cannot borrow: take owned types \
             (`String`, `Arc<T>`)",
        );
    }
    if let Safety::Unsafe(word) = &sig.safety {
        errors.at(
            word,
            "whoever sends a message cannot promise what an `unsafe fn` asks for: make it safe, with \
             the `unsafe` block inside",
        );
    }
    match sig.receiver() {
        None => errors.at(&sig.ident, "a message is handled by an actor: take `&mut self` or `&self` first"),
        Some(receiver) if !is_lent(receiver) => errors.at(
            receiver,
            "the actor lives on after the message, so it is only lent: take `&mut self` or `&self`",
        ),
        Some(_) => {}
    }
}

fn is_lent(receiver: &Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(..) => true,
        ReceiverKind::Typed(_, ty) => match &**ty {
            Type::Reference(reference) => {
                matches!(&*reference.elem, Type::Path(path) if path.path.is_ident("Self"))
            }
            _ => false,
        },
        _ => false,
    }
}
