//! The nearest vectors by their sign bits: the Hamming distance of two sign patterns estimates
//! the angle between the vectors (random hyperplanes, Charikar 2002).

use super::{Allowed, Docs};

/// The signs of a vector's components, 64 to a word.
pub fn signs(vector: &[f32]) -> Vec<u64> {
    vector
        .chunks(64)
        .map(|part| part.iter().enumerate().fold(0, |word, (n, x)| word | (u64::from(*x > 0.0) << n)))
        .collect()
}

/// A document with its estimated cosine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    pub at: u32,
    pub cosine: f64,
}

impl Docs {
    /// The `limit` nearest allowed documents (more where the last ones tie).
    pub fn nearest(&self, vector: &[f32], allowed: &Allowed, limit: usize) -> Vec<Near> {
        let wanted = signs(vector);
        if wanted.len() != self.stride || vector.iter().all(|x| *x == 0.0) {
            return Vec::new();
        }
        let most = self.stride * 64;
        let mut histogram = vec![0usize; most + 1];
        let mut distances: Vec<u16> = Vec::with_capacity(self.docs.len());
        for (doc, words) in self.docs.iter().zip(self.signs.chunks_exact(self.stride)) {
            let distance = if doc.has_vector && allowed.has(doc) {
                let d = words.iter().zip(&wanted).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>() as u16;
                histogram[usize::from(d)] += 1;
                d
            } else {
                u16::MAX
            };
            distances.push(distance);
        }
        let mut taken = 0;
        let reach = histogram.iter().position(|count| {
            taken += count;
            taken >= limit
        });
        let reach = reach.unwrap_or(most) as u16;
        let dims = vector.len() as f64;
        distances
            .iter()
            .enumerate()
            .filter(|(_, d)| **d <= reach)
            .map(|(at, d)| Near { at: at as u32, cosine: (std::f64::consts::PI * f64::from(*d) / dims).cos() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Allowed, Entry, Prepared, Vector};
    use super::*;
    use crate::embedding;
    use crate::parts::memory::store::memories::Place;

    #[test]
    fn the_nearest_allowed_documents_are_found() {
        let mut docs = Docs::for_dims(embedding::DIMS);
        let place =
            |agent: &str| Place { agent: agent.into(), project: None, scope: None, visibility: "global".into() };
        let texts = [
            ("The harbour master keeps a log of tides", "a"),
            ("Bread needs flour, water and salt", "a"),
            ("Boats wait in port for high water", "b"),
        ];
        for (n, (text, agent)) in texts.iter().enumerate() {
            let entry = Entry {
                rowid: n as i64 + 1,
                content: (*text).to_owned(),
                place: place(agent),
                who: None,
                created_at: "2024-01-01T00:00:00Z".into(),
            };
            docs.put(&Prepared::of(&entry, Vector::OfText));
        }
        let query = embedding::embed("ships and tides in the harbour");
        let both = docs.nearest(&query, &Allowed::Places(vec![true, true]), 2);
        let found: Vec<u32> = both.iter().map(|n| n.at).collect();
        assert_eq!(found, [0, 2]);
        let first = docs.nearest(&query, &Allowed::Places(vec![true, false]), 1);
        assert_eq!(first.len(), 1);
        assert_eq!(first[0].at, 0);
        docs.remove(1);
        assert_eq!(docs.nearest(&query, &Allowed::Places(vec![true, false]), 1)[0].at, 1);
    }
}
