"""Three brokers and two worker hosts under load: used by molecule/cluster and by bench/bench_cluster.py."""
