-- Takes the entries ARGV[4..] out, claimed or not. Unknown ids are ignored.
for at = 4, #ARGV do
  local record = record_of(ARGV[at])
  if record then
    take_out(ARGV[at], record)
  end
end
finish()
return { get('whole'), now, soonest }
