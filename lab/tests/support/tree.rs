//! Damages the structure of an LDAP message and keeps its lengths true, so that what is behind the decoder is reached.

use super::{dice::Dice, ldap::element, mutate};

/// A BER element.
enum Node {
    Primitive(u8, Vec<u8>),
    Constructed(u8, Vec<Node>),
}

/// The bit of a tag that says that an element is made of others.
const CONSTRUCTED: u8 = 0x20;

/// Deepest element that is taken apart.
const MAX_DEPTH: usize = 32;

fn parse(mut bytes: &[u8], depth: usize) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    while let [tag, first, rest @ ..] = bytes {
        let count = if first & 0x80 == 0 {
            0
        } else {
            usize::from(first & 0x7f)
        };
        let (length, rest) = rest.split_at_checked(count)?;
        let length = match count {
            0 => usize::from(*first),
            1..=4 => length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)),
            _ => return None,
        };
        let (contents, after) = rest.split_at_checked(length)?;
        let inner = if tag & CONSTRUCTED != 0 && depth > 0 {
            parse(contents, depth - 1)
        } else {
            None
        };
        nodes.push(inner.map_or_else(
            || Node::Primitive(*tag, contents.to_vec()),
            |inner| Node::Constructed(*tag, inner),
        ));
        bytes = after;
    }
    bytes.is_empty().then_some(nodes)
}

fn write(nodes: &[Node]) -> Vec<u8> {
    let one = |node: &Node| match node {
        Node::Primitive(tag, contents) => element(*tag, contents),
        Node::Constructed(tag, inner) => element(*tag, &write(inner)),
    };
    nodes.iter().flat_map(one).collect()
}

/// Damages one element somewhere in the message.
pub fn damage(dice: &mut Dice, bytes: &mut Vec<u8>, words: &[&[u8]]) {
    let Some(mut nodes) = parse(bytes, MAX_DEPTH) else {
        return mutate::mutate(dice, bytes, words);
    };
    for _ in 0..=dice.below(2) {
        damage_one(dice, &mut nodes, words);
    }
    *bytes = write(&nodes);
}

fn damage_one(dice: &mut Dice, nodes: &mut Vec<Node>, words: &[&[u8]]) {
    if nodes.is_empty() {
        nodes.push(Node::Primitive(4, dice.pick(words).to_vec()));
        return;
    }
    let at = dice.below(nodes.len());
    let leave = dice.once_in(12);
    match &mut nodes[at] {
        Node::Constructed(_, inner) if !leave => damage_one(dice, inner, words),
        Node::Primitive(_, contents) if !leave => match dice.below(4) {
            0 => *contents = dice.pick(words).to_vec(),
            1 => contents.extend(dice.pick(words).iter()),
            2 => contents.clear(),
            _ => mutate::mutate(dice, contents, words),
        },
        Node::Constructed(tag, _) | Node::Primitive(tag, _) => match dice.below(4) {
            0 => *tag ^= 1 << dice.below(8),
            1 => {
                nodes.remove(at);
            }
            2 => {
                let other = dice.below(nodes.len());
                nodes.swap(at, other);
            }
            _ => {
                let copy = parse(&write(&nodes[at..=at]), MAX_DEPTH).unwrap_or_default();
                nodes.splice(at..at, copy);
            }
        },
    }
}
