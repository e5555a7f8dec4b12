//! How recall uses the knowledge graph and the re-ranker: parts of `memory.pipelineV2`, resolved.

use std::time::Duration;

use super::Section;

/// `graph` and `traversal`.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    pub enabled: bool,
    pub boost_weight: f64,
    pub boost_time: Duration,
    pub traversal: Traversal,
}

/// Bounds of a walk through the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Traversal {
    pub enabled: bool,
    /// Walked memories are candidates of their own; else the walk only raises candidates.
    pub primary: bool,
    pub aspects_per_entity: i64,
    pub attributes_per_aspect: i64,
    /// Links followed per entity walked from.
    pub branching: usize,
    /// Memories found in all.
    pub memories: usize,
    /// Least confidence × strength of a link, and least confidence.
    pub least_strength: f64,
    pub least_confidence: f64,
    pub time: Duration,
    pub boost_weight: f64,
}

impl Graph {
    /// `resolved` has every key with its default.
    pub fn of(resolved: Section<'_>) -> Self {
        let number = |path: &str| resolved.at(path).number().unwrap_or(0.0);
        let flag = |path: &str| resolved.at(path).bool().unwrap_or(false);
        let millis = |path: &str| Duration::from_millis(number(path) as u64);
        Graph {
            enabled: flag("graph.enabled"),
            boost_weight: number("graph.boostWeight"),
            boost_time: millis("graph.boostTimeoutMs"),
            traversal: Traversal {
                enabled: flag("traversal.enabled"),
                primary: flag("traversal.primary"),
                aspects_per_entity: number("traversal.maxAspectsPerEntity") as i64,
                attributes_per_aspect: number("traversal.maxAttributesPerAspect") as i64,
                branching: number("traversal.maxBranching") as usize,
                memories: number("traversal.maxTraversalPaths") as usize,
                least_strength: number("traversal.minDependencyStrength"),
                least_confidence: number("traversal.minConfidence"),
                time: millis("traversal.timeoutMs"),
                boost_weight: number("traversal.boostWeight"),
            },
        }
    }
}

/// `reranker`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reranker {
    pub enabled: bool,
    /// A model judges the candidates, not only their vectors.
    pub by_model: bool,
    /// Candidates looked at.
    pub most: usize,
    pub time: Duration,
}

impl Reranker {
    /// `resolved` has every key with its default.
    pub fn of(resolved: Section<'_>) -> Self {
        let reranker = resolved.at("reranker");
        Reranker {
            enabled: reranker.at("enabled").bool().unwrap_or(false),
            by_model: reranker.at("useExtractionModel").bool().unwrap_or(false),
            most: reranker.at("topN").number().unwrap_or(0.0) as usize,
            time: Duration::from_millis(reranker.at("timeoutMs").number().unwrap_or(0.0) as u64),
        }
    }
}
