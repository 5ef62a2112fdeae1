"""One page, and one comment, of everything that is known of a platform's stacks before they are deployed."""
