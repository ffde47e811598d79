-- The producer's place in its own trace (W3C Trace Context), for the receiver.
ALTER TABLE results ADD COLUMN traceparent TEXT;
