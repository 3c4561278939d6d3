-- Single records at random places of a stream of args[2] records.
local records
function init(args)
  wrk.headers["s2-basin"] = args[1]
  records = tonumber(args[2])
  math.randomseed(1)
end
function request()
  return wrk.format("GET", wrk.path .. "?count=1&seq_num=" .. math.random(0, records - 1))
end
