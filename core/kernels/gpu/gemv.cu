// Vectors times a matrix of GGUF blocks, one launch: blockIdx.y is the vector.
#include "gemv.cuh"

struct MultiplyJob {  // mirrored in weights.py
    Matrix matrix;
    const float* x;  // (count, columns)
    float* y;        // (count, rows)
};

KERNEL(multiply, MultiplyJob) {
    SHARED_MEMORY(shared);
    const Matrix& m = job.matrix;
    const Activations x = lay_out(shared, m.columns);
    const float* own = job.x + static_cast<long long>(blockIdx.y) * m.columns;
    float* y = job.y + static_cast<long long>(blockIdx.y) * m.rows;
    take(x, m.columns, in_integers(m), [&](int i) { return own[i]; });
    each_pair(m, x, [&](int first, int count, Pair found) {
        y[first] = found.one;
        if (count == 2) y[first + 1] = found.two;
    });
}
