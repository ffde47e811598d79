-- Takes the entries ARGV[4..] out, claimed or not. Unknown ids are ignored.
for at = 4, #ARGV do
  local id = ARGV[at]
  local record = record_of(id)
  if record then
    if places().is_leased(id, record) then
      end_claim_of(id)
      places().return_to_task(task_of(record), id)
    else
      places().withdraw(id, record)
    end
    places().take_out_waiting(id, record)
  end
end
write_claims()
finish()
return { meta.whole, now, soonest }
