-- The producer's place in its own trace (W3C Trace Context), for the receiver.
ALTER TABLE callbacks ADD COLUMN traceparent TEXT;
