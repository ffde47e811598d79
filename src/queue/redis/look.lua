-- Answers {whole, now, when a claim could next find something}, or -1 for the last.
promote()
wake()
relist_all()
local look = next_change()
meta.told = look
write_back()
return { meta.whole, now, look }
