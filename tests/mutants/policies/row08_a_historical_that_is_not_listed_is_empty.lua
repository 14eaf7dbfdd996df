-- module: druid.rollout.leaving
-- caught by: scenario empty_for_sure: no load status, no servers: pods of
-- Historicals go as soon as the list of servers shows nothing on them, be it for want of a list.
local leaving = require "base.druid.rollout.leaving"
local queryable = require "druid.rollout.queryable"
local historicals = leaving.next.historicals
function leaving.next.historicals(rows, record, facts, options)
  local size = 0
  for _, row in ipairs(rows) do
    size = size + (queryable.server_of(facts.servers, row) or { size = 0 }).size
  end
  if facts.servers and size == 0 then
    return { act = "scale", calls = {}, notes = {} }
  end
  return historicals(rows, record, facts, options)
end
return leaving
