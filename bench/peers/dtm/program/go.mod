module counterstep-bench-dtm

go 1.22
