"""How mail leaves: queueing, engine, transport, and what an answer means."""
