-- module: druid.rollout.queryable
-- caught by: case queryable_test: one that gave all its segments away is as before, after two runs and with no replica lacking
-- A Historical has to hold again what it held, though the Coordinator gave it to others meanwhile.
local queryable = require "base.druid.rollout.queryable"
local after = queryable.after.historical
function queryable.after.historical(row, record, facts, options)
  local server = queryable.server_of(facts.servers, row)
  if server and server.size < (record.size or 0) then
    return false, row.name .. " loading"
  end
  return after(row, record, facts, options)
end
return queryable
